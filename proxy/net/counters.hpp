// Counters: written on one loop, read from any thread, summed when read.
#pragma once

#include "http/gate.hpp"
#include "policy/outcome.hpp"
#include "policy/time.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace larder {

/// Has a single writer, and therefore needs no atomic read-modify-write.
class Counter {
 public:
  void add(std::int64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Durations: counts per bucket, and the sum.
class Histogram {
 public:
  static constexpr std::array<double, 12> bounds{
      0.001, 0.005, 0.025, 0.1, 0.25, 0.5,
      1,     2.5,   5,     10,  30,   60};  // upper bounds in seconds; the last bucket is unbounded

  void observe(policy::Millis time) noexcept {
    const auto seconds = std::chrono::duration<double>(time).count();
    std::size_t at = 0;
    while (at < bounds.size() && seconds > bounds[at]) ++at;
    counts_[at].add();
    sum_.add(time.count());
  }
  /// The count of that bucket only, not cumulative.
  [[nodiscard]] std::int64_t count(std::size_t bucket) const noexcept { return counts_[bucket].value(); }
  [[nodiscard]] policy::Millis sum() const noexcept { return policy::Millis{sum_.value()}; }

 private:
  std::array<Counter, bounds.size() + 1> counts_;
  Counter sum_;
};

inline constexpr std::size_t max_failure_kinds = 16;  // upstream::failure_kinds, rounded up
inline constexpr std::size_t refusal_count = static_cast<std::size_t>(http::Refusal::misdirected) + 1;

// Each list has one row per counter. Its consumers (/metrics, /api/status, the sums over all loops) go
// through the list; what is counted needs only its row and the `add` where it happens.
// clang-format off

/// Of one route: member, name in /api/status, metric, its `label="value"` or "", help.
/// Rows of one metric are neighbours.
#define LARDER_ROUTE_COUNTERS(X) \
  X(not_modified, "not_modified", "larder_not_modified_total", "", "Responses with status 304, by route") \
  X(body_bytes, "sent_bytes", "larder_body_bytes_total", "", "Bytes of response bodies sent to clients, by route") \
  X(saved_by_304, "saved_bytes_304", "larder_saved_bytes_total", "by=304", "Bytes that did not have to be sent to clients, by route and cause") \
  X(saved_by_projection, "saved_bytes_projection", "larder_saved_bytes_total", "by=projection", "") \
  X(saved_by_coding, "saved_bytes_coding", "larder_saved_bytes_total", "by=coding", "") \
  X(upstream_requests, "upstream_requests", "larder_route_upstream_requests_total", "", "Requests sent to the API, by route") \
  X(upstream_errors, "upstream_errors", "larder_route_upstream_errors_total", "", "Requests to the API without a usable response, by route") \
  X(upstream_2xx, "upstream_2xx", "larder_route_upstream_responses_total", "class=2xx", "Responses of the API, by route and class of their status") \
  X(upstream_3xx, "upstream_3xx", "larder_route_upstream_responses_total", "class=3xx", "") \
  X(upstream_4xx, "upstream_4xx", "larder_route_upstream_responses_total", "class=4xx", "") \
  X(upstream_5xx, "upstream_5xx", "larder_route_upstream_responses_total", "class=5xx", "")

/// Durations of one route: member, metric, help.
#define LARDER_ROUTE_TIMES(X) \
  X(upstream, "larder_upstream_duration_seconds", "Time from sending a request to the API to the end of the response head") \
  X(waits, "larder_wait_duration_seconds", "Time that requests waited for a fetch, their own or one that they joined")

/// Of one loop: member, type, metric, its `label=value` or "", help. A gauge may go down.
#define LARDER_LOOP_COUNTERS(X) \
  X(connections, gauge, "larder_connections", "", "Client connections open") \
  X(connections_accepted, counter, "larder_connections_accepted_total", "", "Client connections accepted") \
  X(connections_closed, counter, "larder_idle_connections_closed_total", "", "Idle client connections closed to make room for new ones") \
  X(connections_refused, counter, "larder_connections_refused_total", "", "Client connections refused because of limits.connections") \
  X(proxy_refused, counter, "larder_proxy_protocol_refused_total", "", "Connections closed because they did not begin with a header of the PROXY protocol, or because the peer may not send one") \
  X(tls_1_2, counter, "larder_tls_handshakes_total", "version=1.2", "TLS handshakes completed with clients, by version") \
  X(tls_1_3, counter, "larder_tls_handshakes_total", "version=1.3", "") \
  X(tls_resumed, counter, "larder_tls_resumptions_total", "", "TLS handshakes with clients that resumed a session") \
  X(tls_failures, counter, "larder_tls_handshake_failures_total", "", "TLS handshakes that failed") \
  X(http2_connections, gauge, "larder_http2_connections", "", "Client connections open that use HTTP/2") \
  X(http2_requests, counter, "larder_http2_requests_total", "", "Requests of clients in HTTP/2") \
  X(http2_resets, counter, "larder_http2_resets_total", "", "HTTP/2 streams reset before their end, by either side") \
  X(http2_floods, counter, "larder_http2_floods_total", "", "HTTP/2 connections ended because the client did too much of what only costs: resets, control frames, or fields that expand") \
  X(bytes_sent, counter, "larder_sent_bytes_total", "", "Bytes sent to clients") \
  X(upstream_requests, counter, "larder_upstream_requests_total", "", "Requests sent to the API") \
  X(upstream_errors, counter, "larder_upstream_errors_total", "", "Requests to the API that failed") \
  X(connections_yielded, counter, "larder_connection_yields_total", "", "Times a client's connection let other clients run although it had more input") \
  X(task_failures, counter, "larder_task_failures_total", "", "Internal tasks that ended with an exception, for example out of memory") \
  X(upstream_retries, counter, "larder_upstream_retries_total", "", "Requests sent again because the API had closed an idle connection") \
  X(upstream_idle, gauge, "larder_upstream_connections", "state=idle", "Connections to the API") \
  X(upstream_busy, gauge, "larder_upstream_connections", "state=busy", "") \
  X(upstream_queue, gauge, "larder_upstream_queue", "", "Requests waiting for a connection to the API") \
  X(breaker_opened, counter, "larder_upstream_breaker_opened_total", "", "Times that the circuit breaker opened") \
  X(breakers_open, gauge, "larder_upstream_breakers_open", "", "1 while the circuit breaker is open, else 0") \
  X(refreshes, counter, "larder_refreshes_total", "", "Background refreshes started") \
  X(invalidations, counter, "larder_invalidations_total", "", "Writes that invalidated stored responses") \
  X(fills_running, gauge, "larder_fills_running", "", "Fetches for the cache in progress") \
  X(fill_waiters, gauge, "larder_fill_waiters", "", "Requests waiting for a fetch") \
  X(projections, counter, "larder_projections_total", "", "Responses projected") \
  X(log_lines_dropped, counter, "larder_log_lines_dropped_total", "", "Access log lines dropped because the log could not be written fast enough or at all")
// clang-format on

// NOLINTBEGIN(bugprone-macro-parentheses): names of members cannot be in parentheses
#define LARDER_COUNTER(name, ...) Counter name;
#define LARDER_TIMES(name, ...) Histogram name;
struct RouteCounters {
  LARDER_ROUTE_COUNTERS(LARDER_COUNTER)
  LARDER_ROUTE_TIMES(LARDER_TIMES)
  std::array<Counter, policy::label_count> outcomes;
  std::array<Counter, policy::detail_count> not_stored;  // responses fetched for the cache, by reason

  /// The API has sent a final response.
  void responded(int status) noexcept {
    auto& of_class = status >= 500   ? upstream_5xx
                     : status >= 400 ? upstream_4xx
                     : status >= 300 ? upstream_3xx
                                     : upstream_2xx;
    of_class.add();
  }
};

struct Counters {
  LARDER_LOOP_COUNTERS(LARDER_COUNTER)
  std::array<Counter, refusal_count> refused_requests;
  std::array<Counter, max_failure_kinds> upstream_failures;  // by upstream::FailureKind
  std::array<Counter, refusal_count> refused_answers;
};
#undef LARDER_COUNTER
#undef LARDER_TIMES
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace larder
