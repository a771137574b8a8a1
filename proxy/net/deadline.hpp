// Coarse deadlines: one sweep per loop instead of one timer per operation.
//
// Model: a timer wheel. A Deadline is a node in one of the wheel's slots, each of which covers one
// `resolution` of time. Setting a deadline that is already in a slot not later than the new time only stores
// that time; the sweep moves the node when it reaches the slot. Clearing a deadline also only stores a value.
// So setting and clearing a deadline for every request costs a comparison, arms no timer and reads no clock,
// and a sweep visits only the slots that are due, however many deadlines there are. A deadline never fires
// early, and at most three resolutions late. A Sweeper and its Deadlines belong to one loop; `last_turn` and
// `lag` may be called from any thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace larder {

using Millis = std::chrono::milliseconds;

class Deadline;

class Sweeper {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Sweeper(boost::asio::io_context& io, Millis resolution, Time now = std::chrono::steady_clock::now())
      : timer_(io), resolution_(resolution), now_(now) {}
  ~Sweeper();

  /// Sweeps every `resolution` until `stop` is called or the io_context ends.
  void start();
  void stop();
  /// `resolution` is at least 1 ms. Deadlines that are set keep their times.
  void set_resolution(Millis resolution);
  /// The time of the last sweep, and the delay of sweeps (the maximum of the last few).
  [[nodiscard]] Time last_turn() const noexcept {
    return Time(Time::duration(turned_.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] std::chrono::nanoseconds lag() const noexcept {
    return std::chrono::nanoseconds(lag_.load(std::memory_order_relaxed));
  }

  /// Called after each sweep.
  void on_sweep(std::function<void()> hook) { hook_ = std::move(hook); }

  /// Fires the deadlines that are due at `now`, which must not be earlier than in the last call. Called by
  /// the timer; public for tests.
  void sweep(Time now);
  /// The number of deadlines visited by sweeps so far.
  [[nodiscard]] std::uint64_t visits() const noexcept { return visits_; }

  using Node = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 private:
  friend class Deadline;
  using Slot = boost::intrusive::list<Deadline, boost::intrusive::base_hook<Node>,
                                      boost::intrusive::constant_time_size<false>>;
  static constexpr std::size_t slots = 512;

  void wait();
  /// Links the deadline into the slot of its time, or into the last slot if its time is beyond the wheel.
  void link(Deadline& deadline) noexcept;
  [[nodiscard]] std::int64_t tick_of(Time time) const noexcept {
    return time.time_since_epoch() / resolution_;
  }

  boost::asio::steady_timer timer_;
  Millis resolution_;
  Time now_;                           // time of the last sweep
  std::int64_t tick_ = tick_of(now_);  // slots up to this one are empty
  std::array<Slot, slots> wheel_;
  std::uint64_t visits_ = 0;
  std::function<void()> hook_;
  bool stopped_ = true;
  Time expected_{};
  std::atomic<Time::rep> turned_{std::chrono::steady_clock::now().time_since_epoch().count()};
  std::atomic<std::int64_t> lag_{0};  // nanoseconds
};

class Deadline : public Sweeper::Node {
 public:
  /// `expire` is called by the sweep at most once per `set`; it may destroy this and other deadlines.
  Deadline(Sweeper& sweeper, std::function<void()> expire) : sweeper_(sweeper), expire_(std::move(expire)) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(Millis after) noexcept {
    due_ = sweeper_.now_ + after + sweeper_.resolution_;
    expired_ = false;
    if (due_ < visited_at_) sweeper_.link(*this);
  }
  void clear() noexcept {
    due_ = never;
    expired_ = false;
  }
  /// True after it fired, until it is set or cleared.
  [[nodiscard]] bool expired() const noexcept { return expired_; }

 private:
  friend class Sweeper;
  static constexpr auto never = Sweeper::Time::max();
  Sweeper& sweeper_;
  std::function<void()> expire_;
  Sweeper::Time due_ = never;
  Sweeper::Time visited_at_ = never;  // a sweep visits it by then; `never` if it is in no slot
  bool expired_ = false;
};

}  // namespace larder
