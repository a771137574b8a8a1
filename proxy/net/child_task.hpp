// Child coroutines on the loop of their parent (structured concurrency). `beside` guarantees that they have
// ended before the objects that they refer to are destroyed.
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

  /// To be called once, inside a `beside` that stops it. The task may refer to objects that live until `join`
  /// has returned. An exception in it ends it like a return.
  void start(std::string_view name, Task<void> task) {
    // Set first, because the task may have ended when `spawn` returns.
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
  /// Waits for the end of the task. The caller must have made sure that the task ends, by cancelling what it
  /// waits for.
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

/// Awaits `body`, then `stop`; both are functions that return a Task. `body` may start child tasks, and
/// `stop` ends and joins them. `stop` also runs if `body` throws; the exception is rethrown afterwards. An
/// exception in `stop` terminates the program, because objects to which a child task still refers would be
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
