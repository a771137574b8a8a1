// The time: the system's, or a test's.
#pragma once

#include "policy/time.hpp"

#include <chrono>
#include <ctime>

namespace larder {

/// The system's time, in whole milliseconds. The wall clock is that of the kernel's last tick, which is
/// cheaper and precise enough for HTTP dates. From any thread.
[[nodiscard]] inline policy::Now system_now() noexcept {
  timespec wall{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &wall);
  return {policy::WallTime(policy::Millis(wall.tv_sec * 1000 + wall.tv_nsec / 1'000'000)),
          std::chrono::floor<policy::Millis>(std::chrono::steady_clock::now())};
}

/// A time that only moves when it is told to. Belongs to one thread.
class SimulatedClock {
 public:
  explicit SimulatedClock(policy::Now start = system_now()) noexcept : now_(start) {}
  [[nodiscard]] policy::Now now() const noexcept { return now_; }
  void advance(policy::Millis by) noexcept {
    now_.wall += by;
    now_.mono += by;
  }

 private:
  policy::Now now_;
};

}  // namespace larder
