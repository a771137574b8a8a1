// A second coroutine beside the one that starts it, on the same loop, joined before what it refers to goes
// away.
#pragma once

#include "loop/loop.hpp"

#include <boost/asio/co_spawn.hpp>

#include <memory>

namespace larder {

class Companion {
 public:
  explicit Companion(Loop& loop) : loop_(loop), state_(std::make_shared<State>(loop)) {}
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;

  /// Once. The task may refer to what lives until `join` has returned. An exception in it is an end like any
  /// other.
  void start(Task<void> task) {
    state_->running = true;
    asio::co_spawn(loop_.executor(), std::move(task), [state = state_](const std::exception_ptr&) {
      state->running = false;
      state->ended.raise();
    });
  }
  [[nodiscard]] bool is_running() const noexcept { return state_->running; }
  /// Waits for the end; whoever calls it has made sure that the task ends (by cancelling what it waits for).
  [[nodiscard]] Task<void> join() {
    while (state_->running) co_await state_->ended.wait();
  }

 private:
  struct State {
    explicit State(Loop& loop) : ended(loop) {}
    bool running = false;
    Event ended;
  };
  Loop& loop_;
  std::shared_ptr<State> state_;
};

}  // namespace larder
