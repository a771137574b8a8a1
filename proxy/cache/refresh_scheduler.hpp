// Keeps entries of `keep_warm` routes fresh: schedules the next fetch of each from its last one.
//
// Model: a table of entries, by variant. Every loop reports its fetches; the first loop schedules and
// performs the refreshes. A refresh is a background fill; requests are served the stored response meanwhile.
// An entry that is not requested any more is removed from the table. Threading: `access_history_of`,
// `fetched` and `look_at_all` from any thread, the others on the first.
#pragma once

#include "cache/due_queue.hpp"
#include "cache/fetch.hpp"
#include "cache/refresh_time.hpp"
#include "net/alarm.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>

namespace larder::cache {

class RefreshScheduler {
 public:
  RefreshScheduler();
  ~RefreshScheduler();
  RefreshScheduler(const RefreshScheduler&) = delete;
  RefreshScheduler& operator=(const RefreshScheduler&) = delete;

  /// What a refresh needs; obtained again for each.
  struct Dependencies {
    Resources resources;
    std::shared_ptr<const Plan> plan;
    std::function<RouteCounters*(const settings::Route&)> counters_of;
  };
  void start(Loop& loop, std::function<Dependencies()> deps);
  void stop();
  /// To be called before the loop is destroyed.
  void leave_loop();

  /// The access history of a variant; nullptr if its route has no keep_warm.
  [[nodiscard]] std::shared_ptr<store::AccessHistory> access_history_of(
      const settings::Route& route, std::string_view key, const policy::SecondaryKey& secondary);

  /// A response with an access history was stored.
  struct Fetched {
    const Order& order;
    const store::Response& response;
    policy::MonoTime requested;
    policy::MonoTime received;  // completely
  };
  void fetched(const Fetched& what, std::size_t most);

  /// After a reload, on any thread: examines every item again, as its ttl may have been lowered.
  void look_at_all();

  [[nodiscard]] std::size_t size() const;

 private:
  struct Item;
  using Items = std::map<std::string, Item, std::less<>>;

  [[nodiscard]] Items::iterator item_of(const std::string& name, const Fetched& what, std::size_t most);
  void wake();
  void look_at_due();
  /// When the item is to be examined again; nullopt = it is removed.
  [[nodiscard]] std::optional<policy::MonoTime> look_at(const Item& item, const Dependencies& deps,
                                                        policy::Now now);
  [[nodiscard]] std::optional<policy::MonoTime> refresh(const Item& item, const Dependencies& deps,
                                                        const settings::Route& route, policy::Now now);

  mutable std::mutex mutex_;
  Items items_;
  DueQueue due_;  // of the items, by their names
  std::map<std::string, std::weak_ptr<store::AccessHistory>, std::less<>> histories_;
  std::minstd_rand random_;
  // Used on the first loop:
  Loop* loop_ = nullptr;
  std::function<Dependencies()> deps_;
  std::unique_ptr<Alarm> alarm_;
};

}  // namespace larder::cache
