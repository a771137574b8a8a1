// The breaker: stops hammering an API that does not answer, probes it, and lets it back gently.
//
//   closed      everything passes; after so many failures in a row -> open
//   open        nothing passes; after a wait, twice as long each time -> probing
//   probing     one request at a time finds out; an answer -> recovering, a failure -> open
//   recovering  few requests at a time, twice as many with each answer, until there is no bound -> closed;
//               a failure -> open
//
// Pure: `now` is an argument. Of one loop, as its Pool is.
#pragma once

#include "policy/time.hpp"

#include <cstddef>
#include <cstdint>

namespace larder::upstream {

class Breaker {
 public:
  struct Rules {
    std::size_t failures = 10;       // in a row; 0 = never opens
    policy::Millis wait{1000};       // open for so long at first
    policy::Millis longest{30'000};  // and at the most
    std::size_t most = 64;           // requests at a time when all is well
  };
  enum class State : std::uint8_t { closed, open, probing, recovering };

  void configure(const Rules& rules) noexcept { rules_ = rules; }

  /// Whether a request may go on now; in `probing` this one is the probe.
  [[nodiscard]] bool admits(policy::MonoTime now) noexcept;
  /// How many requests may be under way at a time.
  [[nodiscard]] std::size_t allowance() const noexcept;

  /// An answer came. Late ones count too.
  void succeeded() noexcept;
  /// No answer came, or one that says that there is none (502, 503, 504). True where this opened it.
  bool failed(policy::MonoTime now) noexcept;

  [[nodiscard]] State state() const noexcept { return state_; }
  /// Until a request may be let through again.
  [[nodiscard]] policy::Millis retry_in(policy::MonoTime now) const noexcept;

 private:
  void open(policy::MonoTime now) noexcept;

  Rules rules_;
  State state_ = State::closed;
  std::size_t failures_ = 0;
  std::size_t allowance_ = 0;
  policy::Millis wait_{0};
  policy::MonoTime again_at_{};
};

}  // namespace larder::upstream
