// Keeps entries of `keep_warm` routes fresh: knows each one's last fetch, and begins the next when the
// schedule says so.
//
// Model: a table of entries, by variant. Whatever loop has fetched one tells it; the planning, and the
// refreshes, are the first loop's. A refresh is a fill like any other, in the background; who comes meanwhile
// is served what is there. An entry that nobody asks for any more leaves the table. Threading:
// `access_history_of` and `fetched` from any loop; the rest on the first.
#pragma once

#include "cache/due_queue.hpp"
#include "cache/fetch.hpp"
#include "cache/refresh_time.hpp"

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

  /// What the refreshes work with, asked anew for each.
  struct Dependencies {
    Resources resources;
    std::shared_ptr<const Plan> plan;
    std::function<RouteCounters*(const settings::Route&)> counters_of;
  };
  void start(Loop& loop, std::function<Dependencies()> deps);
  void stop();
  /// Before the loop is destroyed.
  void leave_loop();

  /// The marks of a variant's readers; nullptr where its route is not kept warm.
  [[nodiscard]] std::shared_ptr<store::AccessHistory> access_history_of(
      const settings::Route& route, std::string_view key, const policy::SecondaryKey& secondary);

  /// A response with an interest was stored.
  struct Fetched {
    const Order& order;
    const store::Response& response;
    policy::MonoTime requested;
    policy::MonoTime received;  // whole
  };
  void fetched(const Fetched& what, std::size_t most);

  [[nodiscard]] std::size_t size() const;

 private:
  struct Item;
  using Items = std::map<std::string, Item, std::less<>>;

  [[nodiscard]] Items::iterator item_of(const std::string& name, const Fetched& what, std::size_t most);
  void arm(policy::MonoTime due);
  void wake();
  void look_at_due();
  /// When it is to be looked at again; nullopt: it leaves.
  [[nodiscard]] std::optional<policy::MonoTime> look_at(const Item& item, const Dependencies& deps,
                                                        policy::Now now);
  [[nodiscard]] std::optional<policy::MonoTime> refresh(const Item& item, const Dependencies& deps,
                                                        const settings::Route& route, policy::Now now);

  mutable std::mutex mutex_;
  Items items_;
  DueQueue due_;  // of the items, by their names
  std::map<std::string, std::weak_ptr<store::AccessHistory>, std::less<>> histories_;
  std::minstd_rand random_;
  // Of the first loop:
  Loop* loop_ = nullptr;
  std::function<Dependencies()> deps_;
  struct Alarm;
  std::shared_ptr<Alarm> alarm_;
};

}  // namespace larder::cache
