// Everything that one loop works with: its event loop, its connections upstream, its buffers, its sessions;
// and what all loops share.
#pragma once

#include "cache/compressor.hpp"
#include "cache/fetch.hpp"
#include "cache/plan.hpp"
#include "cache/refresh_scheduler.hpp"
#include "net/loop.hpp"
#include "net/object_pool.hpp"
#include "server/access_log.hpp"
#include "server/notices.hpp"
#include "store/store.hpp"
#include "tiers/archive.hpp"
#include "tiers/mapped_invalidation_log.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace larder::server {

/// Shared between loops; each member says for itself how.
struct Shared {
  explicit Shared(const settings::Settings& settings)
      : mapped_log(open_invalidation_log(settings)),
        invalidations(mapped_log ? store::InvalidationLog(mapped_log->memory()) : store::InvalidationLog()),
        store(settings.cache.memory, settings.cache.variants, store::Store::default_shards,
              mapped_log ? mapped_log->seed() : 0),
        fills(invalidations, purges),
        coder(store),
        key_hash(mapped_log ? mapped_log->secret() : policy::KeyedHash::random_secret()) {
    store.heed(purges);
  }

  std::unique_ptr<tiers::MappedInvalidationLog> mapped_log;  // nullptr: nothing outlives the process
  store::InvalidationLog invalidations;
  store::Store store;
  store::PurgeLog purges;
  std::unique_ptr<tiers::Archive> archive;  // set before the loops run; nullptr likewise
  cache::FillTable fills;
  upstream::Admission admission;
  cache::RefreshScheduler refresh_scheduler;
  cache::Compressor coder;
  const policy::KeyedHash key_hash;
  Notices notices;
  /// Client connections, all loops together. Written for each connection, so it is on another cache line than
  /// `draining`, which is read for each request.
  alignas(policy::cache_line) std::atomic<std::int64_t> connections{0};
  alignas(policy::cache_line) std::atomic<bool> draining{false};

 private:
  /// nullptr, after a warning in the log, where there can be none.
  [[nodiscard]] static std::unique_ptr<tiers::MappedInvalidationLog> open_invalidation_log(
      const settings::Settings& settings);
};

/// A route as one loop sees it.
struct RouteView {
  std::uint64_t hash = 0;                // of its name, for the write log
  std::uint64_t config_fingerprint = 0;  // Route::config_fingerprint
  RouteCounters* counters = nullptr;
  std::size_t index = 0;  // in the worker's views
};

class Session;
struct RequestContext;

class Worker {
 public:
  Worker(unsigned index, Shared& shared, std::shared_ptr<const cache::Plan> plan,
         std::shared_ptr<LogSink> sink);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes over new settings; on the worker's loop (or before it runs). Requests under way keep the old ones.
  void adopt(std::shared_ptr<const cache::Plan> plan, std::shared_ptr<LogSink> sink);

  [[nodiscard]] const settings::Settings& settings() const noexcept { return *plan_->settings; }
  [[nodiscard]] const std::shared_ptr<const cache::Plan>& plan() const noexcept { return plan_; }
  /// `route` of the current settings, or nullptr where none matches.
  [[nodiscard]] const RouteView& view_of(const settings::Route* route) const noexcept {
    return route == nullptr ? views_.back() : views_[route->index];
  }
  [[nodiscard]] cache::Resources resources() noexcept {
    return {loop,
            pool,
            workspace,
            shared.store,
            shared.invalidations,
            shared.fills,
            shared.refresh_scheduler,
            shared.key_hash};
  }
  /// Counters of each route that there has been, by name ("" = no route matched). From any thread.
  void each_route(const std::function<void(const std::string&, const RouteCounters&)>& visit) const;

  /// Counts the settings that have been adopted: what was derived from others is out of date.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  /// True once for a route since the last reload.
  [[nodiscard]] bool is_first_credentials_refusal(const RouteView& view);

  /// True once a minute for a route: what is to be said of it in the log may be said.
  [[nodiscard]] bool may_warn(const RouteView& view, policy::MonoTime now);

  // Sessions: a list, so that draining and reloading find them.
  void add(Session& session) noexcept;
  void remove(Session& session) noexcept;
  [[nodiscard]] std::size_t session_count() const noexcept { return session_count_; }
  /// Closes connections that wait for a request; the others end after their answer.
  void drain();
  /// Closes everything.
  void force();

  Loop loop;
  Shared& shared;
  upstream::Pool pool;
  projection::Workspace workspace;
  AccessLog access_log;
  std::unique_ptr<ObjectPool<RequestContext>> turns;  // of sessions that have a request; never nullptr

  // Scratch space for the part of a request that does not wait.
  std::string path;
  policy::CacheKey key;
  std::string out;

 private:
  template <class Visit>
  void each_session(Visit visit);

  std::shared_ptr<const cache::Plan> plan_;
  std::vector<RouteView> views_;                               // by Route::index; the last is for no route
  std::vector<std::optional<policy::MonoTime>> last_warning_;  // likewise: when last
  std::vector<bool> refused_credentials_;                      // likewise
  std::uint32_t generation_ = 0;
  mutable std::mutex routes_mutex_;
  std::map<std::string, std::unique_ptr<RouteCounters>> routes_;
  Session* first_ = nullptr;
  std::size_t session_count_ = 0;
};

}  // namespace larder::server
