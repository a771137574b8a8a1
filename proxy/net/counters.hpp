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

inline constexpr std::size_t refusal_count = static_cast<std::size_t>(http::Refusal::body_too_large) + 1;

struct RouteCounters {
  std::array<Counter, policy::label_count> outcomes;
  Counter not_modified;  // responses sent as 304
  Counter body_bytes;    // of responses, as sent
  // Bytes that were not sent:
  Counter saved_by_304;
  Counter saved_by_projection;
  Counter saved_by_coding;
  Counter upstream_requests;
  Counter upstream_errors;  // no response, or an unusable one
  Histogram upstream;       // from requesting a connection to the end of the response's head
  Histogram waits;          // time that requests waited for the API, for their own fetch or another's
  std::array<Counter, policy::detail_count> not_stored;  // responses fetched for the cache, by reason
};

struct Counters {
  Counter connections;  // currently open
  Counter connections_accepted;
  Counter upstream_requests;
  Counter upstream_errors;
  Counter upstream_retries;
  Counter connections_yielded;  // times a session yielded although more input was available
  Counter task_failures;        // coroutines that ended with an exception
  Counter upstream_idle;        // current connections
  Counter upstream_busy;
  Counter breakers_open;  // gauge: the sum over the loops is 1 while the breaker is open
  Counter breaker_opened;
  Counter refreshes;       // background fetches
  Counter invalidations;   // writes that invalidated
  Counter upstream_queue;  // requests that currently wait for a connection
  Counter fills_running;
  Counter fill_waiters;  // requests that currently wait for a fill
  Counter projections;
  Counter bytes_sent;
  Counter log_lines_dropped;
  std::array<Counter, refusal_count> refused_requests;
  std::array<Counter, refusal_count> refused_answers;
};

}  // namespace larder
