// The only way to start a coroutine that is not awaited.
#pragma once

#include "net/loop.hpp"

#include <boost/asio/co_spawn.hpp>

#include <string_view>
#include <utility>

namespace larder {

/// Starts `task` on its loop and calls `then` there once it has ended. An exception in the task ends that
/// task only: it is counted and reported to Loop::on_failure under `name`. `name`, and whatever the task
/// refers to, must outlive the task. Throws std::bad_alloc; then the task has not started.
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
