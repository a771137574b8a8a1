// Calculates when an entry of a keep_warm route is fetched again. Pure, so that tests can simulate days.
//
// A refresh begins early enough to be complete before the entry expires, but not sooner than a ttl after the
// last one began. If requests come periodically, at intervals longer than the ttl, there is one refresh per
// request, shortly before the next one is due. If the entry has not been requested within keep_warm, there is
// none; and one that was requested once is refreshed twice only, as most of those are not requested again.
#pragma once

#include "policy/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace larder::cache {

using policy::Millis;
using policy::MonoTime;

struct RefreshInput {
  Millis ttl{0};
  Millis keep_warm{0};
  MonoTime requested;               // when the last fetch began
  MonoTime fresh_until;             // of its response
  Millis fetch{0};                  // how long a fetch takes (95th percentile)
  double jitter = 0;                // in [0, 1): spreads entries that were fetched at the same time
  std::span<const MonoTime> asked;  // times of requests, oldest first
  std::uint64_t refreshes = 0;      // since the entry was fetched for a request
};

/// When the next refresh begins; nullopt = there is none, because keep_warm will have passed without a
/// request.
[[nodiscard]] std::optional<MonoTime> next_refresh(const RefreshInput& warmth);

/// The latest time at which a refresh of a constantly requested entry begins. Whether there is one is decided
/// at that time.
[[nodiscard]] MonoTime decision_time(const RefreshInput& warmth);

/// The period of the requests (several clients may share it, each with its own offset); nullopt if there is
/// none, or not enough repetitions yet.
[[nodiscard]] std::optional<Millis> period_of(std::span<const MonoTime> asked, Millis tolerance);

/// The durations of the last fetches of one key.
class FetchTimes {
 public:
  void add(Millis time) noexcept;
  /// The 95th percentile (nearest rank); 0 before the first.
  [[nodiscard]] Millis p95() const;

 private:
  static constexpr std::size_t most = 32;
  std::array<Millis, most> times_{};
  std::size_t count_ = 0;
};

}  // namespace larder::cache
