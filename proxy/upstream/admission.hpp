// Admission of requests to the API: limits and circuit breaker, shared by all loops.
//
// Model: a request holds a Permit while it is under way, and a connection holds a Slot while it exists (see
// ConnectionSlots); there are `upstream.connections` of each. A request that gets no Permit waits in one of
// three queues: requests with a waiting client, uploads, background fetches. With a Permit, a request uses an
// idle connection of its loop or takes a Slot for a new one.
//
// Threading: every member function may be called on any loop; none is called on a cache hit. A coroutine
// resumes on the loop that it passes. Permits must be destroyed before the Admission.
#pragma once

#include "settings/settings.hpp"
#include "upstream/breaker.hpp"
#include "upstream/connection_slots.hpp"
#include "upstream/failure.hpp"
#include "upstream/queued_wait.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

namespace larder::upstream {

enum class Priority : std::uint8_t {
  foreground,
  upload,  // with a body that is still being received: has a maximum and a queue of its own
  background,
};

class Admission {
  struct Waiter;

 public:
  /// What a request needs of `enter`; must live until `enter` has returned.
  struct Claim {
    Priority priority = Priority::foreground;
    std::size_t target = 0;             // a hash
    std::weak_ptr<Waiter> waiter = {};  // used by the Admission while the request is queued
  };

  /// Permission for one request. Returned by the destructor, on any loop.
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

  Admission();
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  void configure(const settings::Upstream& upstream);
  /// Maximum of requests with Priority::upload.
  void limit_uploads(std::size_t max);
  /// Ends all waits and refuses further requests, because the process is stopping.
  void close() noexcept;

  /// Waits at most `timeout` for a Permit. Fails with breaker_open, queue_full, queue_timeout or, after
  /// `close`, connect_failed.
  [[nodiscard]] Task<std::variant<Permit, Failure>> enter(Loop& loop, Claim& claim, Millis timeout);
  /// A client now waits for the background fetch: moves it to the end of the foreground queue.
  void promote(Claim& claim) noexcept;
  [[nodiscard]] ConnectionSlots& slots() noexcept { return slots_; }

  /// The state of the circuit breaker before and after a call.
  struct Change {
    Breaker::State before = Breaker::State::closed;
    Breaker::State after = Breaker::State::closed;
  };
  /// Reports how a request ended: with a response of that status, or with a failure. What may concern the
  /// `target` (a hash) rather than the API (502, 503, 504, a failure after a connection was made) counts once
  /// for each target, until that target responds again; and such a target does not become the probe while
  /// there may be another one.
  Change responded(int status, std::size_t target, policy::MonoTime now);
  Change failed(const Failure& failure, std::size_t target, policy::MonoTime now);

 private:
  using Queue = boost::intrusive::list<Waiter>;
  class Place;

  void end_request(Priority priority) noexcept;
  // The following require the mutex.
  [[nodiscard]] Queue& queue_of(Priority priority) noexcept;
  [[nodiscard]] bool may_begin(Priority priority) const noexcept;
  [[nodiscard]] std::optional<Priority> next_priority() noexcept;
  void begin_request(Priority priority) noexcept;
  void grant_permits() noexcept;
  void refuse_all() noexcept;
  Change fail_request(policy::MonoTime now, bool is_refused) noexcept;
  [[nodiscard]] bool is_failing(std::size_t target) const noexcept;
  [[nodiscard]] bool note_failing(std::size_t target) noexcept;

  ConnectionSlots slots_;
  mutable std::mutex mutex_;
  std::size_t max_ = 1;  // maximum of requests, and of connections
  std::size_t max_queued_ = 1;
  std::size_t max_background_ = 1;
  std::size_t max_uploads_ = 32;
  std::size_t requests_ = 0;
  std::size_t background_ = 0;  // of these, background
  std::size_t uploads_ = 0;     // of these, uploads
  Breaker breaker_;
  // Targets that failed last time; forgotten together when there are too many.
  static constexpr std::size_t max_failing = 64;
  std::array<std::size_t, max_failing> failing_{};
  std::size_t failing_count_ = 0;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Queue> upload_queue_;      // takes turns with `queue_`
  std::unique_ptr<Queue> background_queue_;  // served only while both are empty
  bool is_uploads_turn_ = false;
  bool closed_ = false;
};

}  // namespace larder::upstream
