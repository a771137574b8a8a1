// Coarse deadlines: one sweep a loop in place of a timer an operation.
//
// A Deadline is a node in its Sweeper's list. Setting or clearing one writes a number; no timer is armed and
// no clock read. The sweep, every `resolution`, fires those that are due: never early, late by two
// resolutions at the most. Threading: a Sweeper and its Deadlines belong to one loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace larder {

using Millis = std::chrono::milliseconds;

class Deadline;

class Sweeper {
 public:
  Sweeper(boost::asio::io_context& io, Millis resolution) : timer_(io), resolution_(resolution) {}
  ~Sweeper();

  /// Begins to sweep; ends when the io_context ends or `stop` is called.
  void start();
  void stop();
  void set_resolution(Millis resolution) noexcept { resolution_ = resolution; }
  /// When it last swept, and how late that was (the worst of the last few sweeps): from any thread.
  [[nodiscard]] std::chrono::steady_clock::time_point last_turn() const noexcept {
    return Ticks(Ticks::duration(turned_.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] std::chrono::nanoseconds lag() const noexcept {
    return std::chrono::nanoseconds(lag_.load(std::memory_order_relaxed));
  }

  /// Called after each sweep (for what is to be done now and then).
  void on_sweep(std::function<void()> hook) { hook_ = std::move(hook); }

 private:
  friend class Deadline;
  using Ticks = std::chrono::steady_clock::time_point;
  void wait();
  void sweep();

  boost::asio::steady_timer timer_;
  Millis resolution_;
  Ticks now_ = std::chrono::steady_clock::now();  // of the last sweep
  Deadline* first_ = nullptr;
  Deadline* next_ = nullptr;  // where the running sweep goes on; moved when that node leaves
  std::function<void()> hook_;
  bool stopped_ = true;
  Ticks expected_{};
  std::atomic<Ticks::rep> turned_{std::chrono::steady_clock::now().time_since_epoch().count()};
  std::atomic<std::int64_t> lag_{0};  // nanoseconds
};

class Deadline {
 public:
  /// `expire` is called at most once for each `set`, from the sweep; it may destroy the Deadline.
  Deadline(Sweeper& sweeper, std::function<void()> expire);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(Millis after) noexcept {
    due_ = sweeper_.now_ + after + sweeper_.resolution_;
    expired_ = false;
  }
  void clear() noexcept {
    due_ = never;
    expired_ = false;
  }
  /// True from the moment it fired until it is set or cleared.
  [[nodiscard]] bool expired() const noexcept { return expired_; }

 private:
  friend class Sweeper;
  static constexpr auto never = Sweeper::Ticks::max();
  Sweeper& sweeper_;
  std::function<void()> expire_;
  Sweeper::Ticks due_ = never;
  bool expired_ = false;
  Deadline* previous_ = nullptr;
  Deadline* following_ = nullptr;
};

}  // namespace larder
