// The number of connections to the API, over all loops.
//
// Model: a connection holds a Slot while it exists. If idle connections hold all Slots, a request that needs
// a Slot claims one of them, on any loop, which is then closed. There are as many Permits (see Admission) as
// Slots, so a request with a Permit but without a connection can always claim one.
//
// Threading: every member function may be called on any loop. Slots and Idle objects must be destroyed before
// the ConnectionSlots.
#pragma once

#include "upstream/queued_wait.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace larder::upstream {

class ConnectionSlots {
 public:
  /// Permission for one connection. Returned by the destructor, on any loop.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(slots_, other.slots_);
      return *this;
    }
    ~Slot() {
      if (slots_ != nullptr) slots_->end();
    }

   private:
    friend class ConnectionSlots;
    explicit Slot(ConnectionSlots& slots) : slots_(&slots) {}
    ConnectionSlots* slots_ = nullptr;
  };

  /// Counts the idle connections of one loop. A claimed connection must be closed.
  class Idle {
   public:
    /// `close_claimed` is called on the loop when a connection is claimed; not after the destructor.
    Idle(ConnectionSlots& slots, Loop& loop, std::function<void()> close_claimed);
    ~Idle();
    Idle(const Idle&) = delete;
    Idle& operator=(const Idle&) = delete;

    /// A connection becomes idle. False if it must be closed instead; it is not counted then.
    [[nodiscard]] bool add();
    /// An idle connection is taken for a request. False if all are claimed or there is none.
    [[nodiscard]] bool take();
    /// An idle connection is closed for a reason of the loop, such as its age.
    void remove();
    /// A claimed connection is closed. False if none is claimed.
    [[nodiscard]] bool take_claimed();

   private:
    friend class ConnectionSlots;
    struct State;
    std::shared_ptr<State> state_;
  };

  ConnectionSlots();
  ~ConnectionSlots();
  ConnectionSlots(const ConnectionSlots&) = delete;
  ConnectionSlots& operator=(const ConnectionSlots&) = delete;

  /// `max` > 0. If it is less than the number of connections, those are closed as they become idle.
  void set_max(std::size_t max);
  /// From now on connections that become idle are to be closed, because the process is stopping.
  void close() noexcept;
  /// Waits at most `timeout` for a Slot; nullopt on a timeout. `own` must be of the same loop.
  [[nodiscard]] Task<std::optional<Slot>> acquire(Loop& loop, Idle& own, Millis timeout);

 private:
  using Queue = boost::intrusive::list<QueuedWait>;
  class Place;

  void end() noexcept;
  // The following require the mutex.
  void grant() noexcept;
  [[nodiscard]] std::shared_ptr<Idle::State> claim_idle(Idle& own);

  std::mutex mutex_;
  std::size_t max_ = 1;
  std::size_t connections_ = 0;
  std::size_t claimed_ = 0;  // idle connections that must be closed
  bool closed_ = false;
  Queue queue_;
  std::vector<std::shared_ptr<Idle::State>> idle_;
};

}  // namespace larder::upstream
