// Records when requests used an entry of a `keep_warm` route.
//
// Shared by the successive responses of one variant and by the code that schedules its refreshes. Lock-free;
// callable from any thread. Two requests at the same instant may both be recorded, which the scheduling
// tolerates.
#pragma once

#include "policy/time.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace larder::store {

class AccessHistory {
 public:
  static constexpr std::size_t most = 64;  // marks kept

  /// Requests less than `grain` apart count as one.
  explicit AccessHistory(policy::Millis grain) : grain_(grain.count()) {}

  void asked(policy::MonoTime now) noexcept {
    const auto at = now.time_since_epoch().count();
    const auto last = last_.load(std::memory_order_relaxed);
    if (last != never && at - last < grain_) return;
    last_.store(at, std::memory_order_relaxed);
    marks_[count_.fetch_add(1, std::memory_order_relaxed) % most].store(at, std::memory_order_relaxed);
  }

  /// The times of the last requests, oldest first.
  [[nodiscard]] std::vector<policy::MonoTime> marks() const {
    std::vector<policy::MonoTime> out;
    const auto count = std::min<std::size_t>(count_.load(std::memory_order_relaxed), most);
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      out.emplace_back(policy::Millis{marks_[i].load(std::memory_order_relaxed)});
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Starts a lease: until then, clients need not wait if the entry expires, because a planned refresh is
  /// about to start or under way (MonoTime::max()).
  void begin_refresh_lease(policy::MonoTime until) noexcept {
    leased_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void end_refresh_lease() noexcept { leased_until_.store(never, std::memory_order_relaxed); }
  [[nodiscard]] bool has_refresh_lease(policy::MonoTime now) const noexcept {
    return now.time_since_epoch().count() < leased_until_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::int64_t never = INT64_MIN;
  const std::int64_t grain_;
  std::atomic<std::int64_t> last_{never};
  std::atomic<std::size_t> count_{0};
  std::array<std::atomic<std::int64_t>, most> marks_{};
  std::atomic<std::int64_t> leased_until_{never};
};

}  // namespace larder::store
