// A bound on how often a peer may do something that costs it little: a number at once, then a rate.
#pragma once

#include "policy/time.hpp"

#include <algorithm>

namespace larder {

class FloodGuard {
 public:
  /// `burst` at once, and `rate` per second from then on.
  FloodGuard(double burst, double rate) noexcept : burst_(burst), rate_(rate), left_(burst) {}

  /// Notes one; false if that is too many.
  [[nodiscard]] bool take(policy::MonoTime now) noexcept {
    const auto passed = std::chrono::duration<double>(now - last_).count();
    if (passed > 0) {
      left_ = std::min(burst_, left_ + passed * rate_);
      last_ = now;
    }
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  /// Allows that many more, for something that was asked for.
  void give(double more) noexcept { left_ = std::min(burst_, left_ + more); }

 private:
  double burst_;
  double rate_;
  double left_;
  policy::MonoTime last_{};
};

}  // namespace larder
