// Circuit breaker: stops sending requests to an API that fails, probes it, and raises the load step by step.
//
//   closed      all requests pass; after a number of consecutive failures -> open
//   open        no request passes; after a wait, which doubles each time a response fails -> probing
//   probing     one request at a time passes; success -> recovering, failure -> open
//   recovering  a limited number of requests passes, doubled with each success, until the limit is reached
//               -> closed; failure -> open
//
// Pure: `now` is an argument. Not thread-safe; guarded by the mutex of the Admission.
#pragma once

#include "policy/time.hpp"

#include <cstddef>
#include <cstdint>

namespace larder::upstream {

class Breaker {
 public:
  struct Rules {
    std::size_t failures = 10;     // consecutive; 0 = never opens
    policy::Millis wait{1000};     // duration of the first open period
    policy::Millis longest{5000};  // maximum duration of an open period
    std::size_t most = 64;         // maximum of concurrent requests while closed
  };
  enum class State : std::uint8_t { closed, open, probing, recovering };

  void configure(const Rules& rules) noexcept { rules_ = rules; }

  /// Whether a request may be sent now. In `probing`, that request is the probe.
  [[nodiscard]] bool admits(policy::MonoTime now) noexcept;
  /// The number of requests that may be under way.
  [[nodiscard]] std::size_t allowance() const noexcept;

  /// A response arrived. Late responses count as well.
  void succeeded() noexcept;
  /// A request failed, or its response was 502, 503 or 504. Returns true if this opened the breaker.
  /// `is_refused`: no connection was made. Trying that again costs the API nothing, so the wait is not
  /// doubled.
  bool failed(policy::MonoTime now, bool is_refused) noexcept;
  /// The next probe has been due for as long as the last wait, and no request came that could be it.
  [[nodiscard]] bool is_overdue(policy::MonoTime now) const noexcept { return now >= again_at_ + wait_; }

  [[nodiscard]] State state() const noexcept { return state_; }
  /// The time until a request may be sent again.
  [[nodiscard]] policy::Millis retry_in(policy::MonoTime now) const noexcept;

 private:
  void open(policy::MonoTime now, bool is_refused) noexcept;

  Rules rules_;
  State state_ = State::closed;
  std::size_t failures_ = 0;
  std::size_t allowance_ = 0;
  policy::Millis wait_{0};
  policy::MonoTime again_at_{};
};

}  // namespace larder::upstream
