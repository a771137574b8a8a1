// A precise timer for occasional work of a loop. Timeouts of requests use net/deadline.hpp, which is cheaper.
#pragma once

#include "net/loop.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

namespace larder {

/// Calls a function on its loop at the earliest of the times that were set. Belongs to the loop, and must be
/// destroyed before it. With a simulated clock it rings when the loop's deadlines do.
class Alarm {
 public:
  /// `ring` may set the alarm again, and must not throw.
  Alarm(Loop& loop, std::function<void()> ring) : state_(std::make_shared<State>(loop, std::move(ring))) {}
  ~Alarm() { stop(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Rings at `at`, unless an earlier time is set already.
  void set(policy::MonoTime at) {
    auto& state = *state_;
    if (state.is_stopped || at >= state.at) return;
    state.at = at;
    if (state.loop.is_simulated()) {
      state.deadline.set(std::max(at - state.loop.now().mono, Millis{0}));
      return;
    }
    state.timer.expires_at(at);
    state.timer.async_wait([its = state_](const Error& error) {
      if (!error) its->end();
    });
  }
  /// Cancels the alarm; it cannot be set again.
  void stop() noexcept {
    state_->is_stopped = true;
    state_->deadline.clear();
    state_->timer.cancel();
  }

 private:
  // Shared with the timer's handler, which may run after the Alarm was destroyed.
  struct State {
    State(Loop& its_loop, std::function<void()> its_ring)
        : loop(its_loop),
          ring(std::move(its_ring)),
          timer(its_loop.executor()),
          deadline(its_loop.sweeper(), [this] { end(); }) {}
    void end() {
      if (is_stopped) return;
      at = policy::MonoTime::max();
      ring();
    }
    Loop& loop;
    std::function<void()> ring;
    Timer timer;
    Deadline deadline;
    policy::MonoTime at = policy::MonoTime::max();
    bool is_stopped = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace larder
