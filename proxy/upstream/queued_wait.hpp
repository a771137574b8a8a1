// A wait of a coroutine in a queue that belongs to all loops.
#pragma once

#include "net/post_memory.hpp"

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <memory>

namespace larder::upstream {

/// Everything but `event` is guarded by the mutex of the queue's owner.
struct QueuedWait : std::enable_shared_from_this<QueuedWait>, boost::intrusive::list_base_hook<> {
  explicit QueuedWait(Loop& its_loop) : loop(its_loop), event(its_loop) {}

  enum class State : std::uint8_t { queued, granted, refused, done };
  /// Wakes the coroutine on its loop. Does not allocate, because returning what another one waits for must
  /// not fail.
  void end(State now) noexcept {
    state = now;
    waking.post(loop, shared_from_this(), [](QueuedWait& self) { self.event.raise(); });
  }

  PostMemory waking;
  Loop& loop;
  Event event;  // belongs to the loop
  State state = State::queued;
};

}  // namespace larder::upstream
