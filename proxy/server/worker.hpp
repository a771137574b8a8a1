// Worker: one event loop with its upstream connections, buffers and sessions. Shared: what all loops share.
#pragma once

#include "cache/cache.hpp"
#include "cache/fetch.hpp"
#include "cache/plan.hpp"
#include "net/loop.hpp"
#include "net/object_pool.hpp"
#include "server/access_log.hpp"
#include "server/notices.hpp"
#include "tiers/archive.hpp"
#include "tiers/mapped_invalidation_log.hpp"

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace larder::server {

/// Shared between loops; each member documents its threading.
struct Shared {  // NOLINT(clang-analyzer-optin.performance.Padding): cache lines of their own
  explicit Shared(const settings::Settings& settings)
      : mapped_log(open_invalidation_log(settings)), cache(options_of(settings, mapped_log.get())) {}

  std::unique_ptr<tiers::MappedInvalidationLog> mapped_log;  // nullptr = nothing is persisted
  cache::Cache cache;
  std::unique_ptr<tiers::Archive> archive;  // set before the loops run; nullptr = nothing is persisted
  upstream::Admission admission;
  Notices notices;
  /// Client connections of all loops. Written for each connection, so it is on another cache line than
  /// `draining`, which is read for each request.
  alignas(policy::cache_line) std::atomic<std::int64_t> connections{0};
  alignas(policy::cache_line) std::atomic<bool> draining{false};

 private:
  /// nullptr if nothing is persisted, or, after a warning in the log, if the file cannot be opened.
  [[nodiscard]] static std::unique_ptr<tiers::MappedInvalidationLog> open_invalidation_log(
      const settings::Settings& settings);
  [[nodiscard]] static cache::Cache::Options options_of(const settings::Settings& settings,
                                                        const tiers::MappedInvalidationLog* log);
};

/// A route, with this loop's counters.
struct RouteView {
  std::uint64_t hash = 0;  // of its name
  RouteCounters* counters = nullptr;
  std::size_t index = 0;  // in the worker's views
};

class Session;
struct RequestContext;
struct Http2Memory;

/// A session's place in its worker's list.
class SessionHook
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};

/// The place of a session whose TLS handshake is under way in its worker's list of these.
class HandshakeHook : public boost::intrusive::list_base_hook<boost::intrusive::tag<HandshakeHook>> {};

class Worker {
 public:
  /// What a test puts in place of the system's time and of connections to the API; nullptr = the system's.
  struct Seams {
    SimulatedClock* clock = nullptr;
    std::unique_ptr<upstream::Connector> connector;
  };
  Worker(unsigned index, Shared& shared, std::shared_ptr<const cache::Plan> plan,
         std::shared_ptr<LogSink> sink, Seams seams);
  Worker(unsigned index, Shared& all, std::shared_ptr<const cache::Plan> plan, std::shared_ptr<LogSink> sink)
      : Worker(index, all, std::move(plan), std::move(sink), Seams{}) {}
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Adopts new settings; on the worker's loop, or before it runs. Requests under way keep the old ones.
  void adopt(std::shared_ptr<const cache::Plan> plan, std::shared_ptr<LogSink> sink);

  [[nodiscard]] const settings::Settings& settings() const noexcept { return *plan_->settings; }
  [[nodiscard]] const std::shared_ptr<const cache::Plan>& plan() const noexcept { return plan_; }
  /// `route` must be of the current settings; nullptr = no route matches.
  [[nodiscard]] const RouteView& view_of(const settings::Route* route) const noexcept {
    return route == nullptr ? views_.back() : views_[route->index];
  }
  [[nodiscard]] cache::Resources resources() noexcept { return {loop, pool, workspace, shared.cache}; }
  /// Visits the counters of all routes since the start, by name ("" = no route matched). Callable from any
  /// thread.
  void each_route(const std::function<void(const std::string&, const RouteCounters&)>& visit) const;

  /// Incremented when settings are adopted: values derived from earlier settings are outdated.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  /// True once for a route since the last reload.
  [[nodiscard]] bool is_first_credentials_refusal(const RouteView& view);

  /// True at most once a minute for each route: limits warnings in the log.
  [[nodiscard]] bool may_warn(const RouteView& view, policy::MonoTime now);

  // The list of sessions, for draining and reloading: in the order in which they became idle or began.
  void add(Session& session) noexcept;
  void remove(Session& session) noexcept;
  void note_idle(Session& session) noexcept;
  enum class Closable : std::uint8_t { between_requests, any_idle };
  /// Closes the connection that has been idle for the longest time, with `any_idle` also one that has not
  /// sent its first request yet; false if none of the first few is idle.
  [[nodiscard]] bool close_longest_idle(Closable which) noexcept;
  /// A TLS handshake has begun. If there are more than the loop's share of limits.handshakes, the one that
  /// has taken longest is ended.
  void begin_handshake(Session& session) noexcept;
  /// It has ended, in one way or another.
  void end_handshake(Session& session) noexcept;
  [[nodiscard]] std::size_t session_count() const noexcept { return session_count_; }
  /// The listener does not speak HTTP/2 any more: announces the end of its connections that do.
  void end_http2(const std::string& listener);
  /// Closes connections that wait for a request; the others end after their response.
  void drain();
  /// Closes everything.
  void force();

  Loop loop;
  Shared& shared;
  upstream::Pool pool;
  projection::Workspace workspace;
  AccessLog access_log;
  std::unique_ptr<ObjectPool<RequestContext>> turns;      // for sessions that have a request; never nullptr
  std::unique_ptr<ObjectPool<Http2Memory>> http2_memory;  // for streams; never nullptr

 private:
  template <class Visit>
  void each_session(Visit visit);

  std::shared_ptr<const cache::Plan> plan_;
  std::vector<RouteView> views_;                               // by Route::index; the last is for no route
  std::vector<std::optional<policy::MonoTime>> last_warning_;  // by Route::index: time of the last warning
  std::vector<bool> refused_credentials_;                      // by Route::index
  std::uint32_t generation_ = 0;
  mutable std::mutex routes_mutex_;
  std::map<std::string, std::unique_ptr<RouteCounters>> routes_;
  boost::intrusive::list<SessionHook, boost::intrusive::constant_time_size<false>> sessions_;
  std::size_t session_count_ = 0;
  boost::intrusive::list<HandshakeHook, boost::intrusive::base_hook<HandshakeHook>>
      handshakes_;  // oldest first
};

}  // namespace larder::server
