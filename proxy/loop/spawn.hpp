// The one way to begin a coroutine that nobody awaits.
#pragma once

#include "loop/loop.hpp"

#include <boost/asio/co_spawn.hpp>

#include <string_view>
#include <utility>

namespace larder {

/// Begins `task` on its loop, and calls `then` there once it has ended. An exception in it (out of memory,
/// above all) ends that task alone: it is counted and told of under `name`, which outlives the task. What
/// `task` refers to outlives it. Throws what the allocation throws; then `task` has not begun.
template <class Then>
void spawn(Loop& loop, std::string_view name, Task<void> task, Then then) {
  asio::co_spawn(loop.executor(), std::move(task),
                 [&loop, name, then = std::move(then)](const std::exception_ptr& error) mutable {
                   if (error) loop.note_failure(name, error);
                   then();
                 });
}
inline void spawn(Loop& loop, std::string_view name, Task<void> task) {
  spawn(loop, name, std::move(task), [] {});
}

}  // namespace larder
