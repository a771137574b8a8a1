// Which requests may go to the API now: the bounds and the circuit breaker, shared by all loops.
//
// Model: a request needs a Permit while it is under way, and a connection needs a Slot while it exists; there
// are `upstream.connections` of each. A request that gets no Permit waits in one of two queues, requests with
// a waiting reader before background fetches. With a Permit, a request uses an idle connection of its loop or
// takes a Slot for a new one. When idle connections have all the Slots, one of them is claimed, on whichever
// loop it is, and closed. A request that holds a Permit but no connection always finds one to claim: there
// are as many Permits as Slots. Threading: every member function from any loop, none of them on a cache hit.
// A coroutine resumes on the loop that it passes. Permits, Slots and idle connections must be gone before the
// Admission is.
#pragma once

#include "net/post_memory.hpp"
#include "settings/settings.hpp"
#include "upstream/breaker.hpp"
#include "upstream/failure.hpp"

#include <boost/intrusive/list.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace larder::upstream {

enum class Priority : std::uint8_t { foreground, background };

class Admission {
  struct Waiter;

 public:
  /// What one request asks for; lives until `enter` has returned.
  struct Claim {
    Priority priority = Priority::foreground;
    std::weak_ptr<Waiter> waiter = {};  // of the Admission: while the request is in a queue
  };

  /// A request is under way. Given up by the destructor, on any loop.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), priority_(other.priority_) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(priority_, other.priority_);
      return *this;
    }
    ~Permit() {
      if (admission_ != nullptr) admission_->end_request(priority_);
    }

   private:
    friend class Admission;
    Permit(Admission& admission, Priority priority) : admission_(&admission), priority_(priority) {}
    Admission* admission_ = nullptr;
    Priority priority_ = Priority::foreground;
  };

  /// A connection exists. Given up by the destructor, on any loop.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(admission_, other.admission_);
      return *this;
    }
    ~Slot() {
      if (admission_ != nullptr) admission_->end_connection();
    }

   private:
    friend class Admission;
    explicit Slot(Admission& admission) : admission_(&admission) {}
    Admission* admission_ = nullptr;
  };

  /// The idle connections of one loop, counted. A connection that is claimed is to be closed.
  class Idle {
   public:
    /// `close_claimed` is called on the loop when there is one to be closed; not after the destructor.
    Idle(Admission& admission, Loop& loop, std::function<void()> close_claimed);
    ~Idle();
    Idle(const Idle&) = delete;
    Idle& operator=(const Idle&) = delete;

    /// A connection becomes idle. False where it is to be closed instead, and is not counted.
    [[nodiscard]] bool add();
    /// One of them gets a request. False where there is none that is not claimed.
    [[nodiscard]] bool take();
    /// One of them is about to be closed, for a reason of the loop's own.
    void remove();
    /// One of them is about to be closed as it is claimed. False where none is.
    [[nodiscard]] bool take_claimed();

   private:
    friend class Admission;
    struct State;
    std::shared_ptr<State> state_;
  };

  Admission();
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  void configure(const settings::Upstream& upstream);
  /// Ends the waits of all requests, and refuses those that come, as the process is stopping.
  void close() noexcept;

  /// Waits for a Permit, at most `timeout`. Fails with breaker_open, queue_full, queue_timeout, or
  /// connect_failed after `close`.
  [[nodiscard]] Task<std::variant<Permit, Failure>> enter(Loop& loop, Claim& claim, Millis timeout);
  /// A reader waits for the background fetch now: it goes to the end of the foreground's queue.
  void promote(Claim& claim) noexcept;
  /// Waits for a Slot, at most `timeout`; nullopt after that. `own` is of the same loop.
  [[nodiscard]] Task<std::optional<Slot>> slot(Loop& loop, Idle& own, Millis timeout);

  /// The circuit breaker's state before and after.
  struct Change {
    Breaker::State before = Breaker::State::closed;
    Breaker::State after = Breaker::State::closed;
  };
  /// How a request ended: with a response of that status, or with a failure. Of the 502, 503 and 504
  /// responses to one `target` (a hash) in a row one counts as a failure: they say more of the target than of
  /// the API.
  Change responded(int status, std::size_t target);
  Change failed(const Failure& failure);

 private:
  using Queue = boost::intrusive::list<Waiter>;
  class Place;

  void end_request(Priority priority) noexcept;
  void end_connection() noexcept;
  // With the mutex held:
  [[nodiscard]] bool may_begin(Priority priority) const noexcept;
  void begin_request(Priority priority) noexcept;
  void grant_permits() noexcept;
  void grant_slots() noexcept;
  void refuse_all() noexcept;
  Change fail_request() noexcept;
  [[nodiscard]] std::shared_ptr<Idle::State> claim_idle(Idle& own);

  mutable std::mutex mutex_;
  std::size_t max_ = 1;  // requests, and connections
  std::size_t max_queued_ = 1;
  std::size_t max_background_ = 1;
  std::size_t requests_ = 0;
  std::size_t background_ = 0;  // of those
  std::size_t connections_ = 0;
  std::size_t claimed_ = 0;  // idle connections that are to be closed
  Breaker breaker_;
  std::optional<std::size_t> last_refused_;  // the target of the last 502, 503 or 504, if no other came since
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Queue> background_queue_;  // served while `queue_` is empty
  std::unique_ptr<Queue> slot_queue_;
  std::vector<std::shared_ptr<Idle::State>> idle_;  // one for each loop
  bool closed_ = false;
};

}  // namespace larder::upstream
