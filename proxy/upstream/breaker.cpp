#include "upstream/breaker.hpp"

#include <algorithm>

namespace larder::upstream {

using policy::Millis;
using policy::MonoTime;

bool Breaker::admits(MonoTime now) noexcept {
  if (rules_.failures == 0) return true;
  switch (state_) {
    case State::closed:
    case State::recovering:
      return true;
    case State::open:
    case State::probing:
      // If a probe hangs or is abandoned, the next probe is sent after the same wait as after a failure.
      if (now < again_at_) return false;
      state_ = State::probing;
      again_at_ = now + wait_;
      return true;
  }
  return true;
}

std::size_t Breaker::allowance() const noexcept {
  return state_ == State::recovering ? std::min(allowance_, rules_.most) : rules_.most;
}

void Breaker::succeeded() noexcept {
  failures_ = 0;
  if (state_ == State::closed) return;
  allowance_ = state_ == State::recovering ? allowance_ * 2 : 2;
  state_ = State::recovering;
  if (allowance_ < rules_.most) return;
  state_ = State::closed;
  wait_ = Millis{0};
}

bool Breaker::failed(MonoTime now, bool is_refused) noexcept {
  if (rules_.failures == 0) return false;
  switch (state_) {
    case State::closed:
      if (++failures_ < rules_.failures) return false;
      break;
    case State::open:
      return false;  // sent before the breaker opened
    case State::probing:
    case State::recovering:
      break;
  }
  open(now, is_refused);
  return true;
}

Millis Breaker::retry_in(MonoTime now) const noexcept {
  const bool closed = state_ == State::closed || state_ == State::recovering;
  return closed ? Millis{0} : std::max(again_at_ - now, Millis{0});
}

void Breaker::open(MonoTime now, bool is_refused) noexcept {
  state_ = State::open;
  failures_ = 0;
  wait_ =
      is_refused ? rules_.wait : std::clamp(wait_ * 2, rules_.wait, std::max(rules_.wait, rules_.longest));
  again_at_ = now + wait_;
}

}  // namespace larder::upstream
