// Coroutines beside the one that starts them, on the same loop, which have ended before what they refer to
// goes away: `beside` sees to that, whatever happens.
#pragma once

#include "net/spawn.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>

namespace larder {

class ChildTask {
 public:
  explicit ChildTask(Loop& loop) : loop_(loop), state_(std::make_shared<State>(loop)) {}
  ChildTask(const ChildTask&) = delete;
  ChildTask& operator=(const ChildTask&) = delete;

  /// Once, and within a `beside` that stops it. The task may refer to what lives until `join` has returned.
  /// An exception in it is an end like any other.
  void start(std::string_view name, Task<void> task) {
    // Set before: the task may have ended when `spawn` returns.
    state_->running = true;
    try {
      spawn(loop_, name, std::move(task), [state = state_] {
        state->running = false;
        state->ended.raise();
      });
    } catch (...) {
      state_->running = false;
      throw;
    }
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

/// Awaits `body`, then `stop`; both are functions that return a Task. `body` may start companions, and `stop`
/// ends and joins them. `stop` also runs when `body` throws; the exception is rethrown afterwards. An
/// exception in `stop` terminates the program, because the objects that a companion still refers to are
/// destroyed next.
template <class Body, class Stop>
[[nodiscard]] std::invoke_result_t<Body&> beside(Body body, Stop stop) {
  using Result = typename std::invoke_result_t<Body&>::value_type;
  std::exception_ptr error;
  std::optional<std::conditional_t<std::is_void_v<Result>, bool, Result>> result;
  try {
    if constexpr (std::is_void_v<Result>)
      co_await body();
    else
      result.emplace(co_await body());
  } catch (...) {
    error = std::current_exception();
  }
  try {
    co_await stop();
  } catch (...) {
    std::terminate();
  }
  if (error) std::rethrow_exception(error);
  if constexpr (!std::is_void_v<Result>) co_return std::move(*result);
}

}  // namespace larder
