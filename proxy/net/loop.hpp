// An event loop: an io_context that one thread runs, with its deadlines, buffers and counters. Objects that
// belong to a loop are accessed only by its thread; other threads use `post`.
#pragma once

#include "net/clock.hpp"
#include "net/counters.hpp"
#include "net/deadline.hpp"
#include "net/idle_set.hpp"
#include "policy/time.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace larder {

namespace asio = boost::asio;
using Error = boost::system::error_code;

using Executor = asio::io_context::executor_type;
using StreamProtocol = asio::generic::stream_protocol;  // TCP and Unix sockets
using Socket = asio::basic_stream_socket<StreamProtocol, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

template <class T>
using Task = asio::awaitable<T, Executor>;
/// Completion token for the request path: errors are returned as values.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<Executor>{});

/// A read buffer of a BufferPool. Released while a connection is idle.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : bytes_(new char[size]), size_(size) {}
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }
  [[nodiscard]] const char* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  explicit operator bool() const noexcept { return bytes_ != nullptr; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

class BufferPool {
 public:
  explicit BufferPool(std::size_t size) : size_(size) { free_.reserve(max_kept); }
  [[nodiscard]] Buffer acquire() {
    if (free_.empty()) return Buffer(size_);
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void release(Buffer buffer) noexcept {
    if (buffer && buffer.size() == size_ && free_.size() < max_kept) free_.push_back(std::move(buffer));
  }
  /// Sets the size of buffers acquired from now on; released buffers of another size are freed.
  void set_size(std::size_t size) {
    if (size != size_) free_.clear();
    size_ = size;
  }

 private:
  static constexpr std::size_t max_kept = 64;
  std::size_t size_;
  std::vector<Buffer> free_;
};

class Loop {
 public:
  /// `clock`, if not nullptr, takes the place of the system's time, and outlives the loop; deadlines then
  /// fire when `advance` is called, and at no other time.
  Loop(unsigned index, std::size_t buffer_size, Millis resolution, SimulatedClock* clock = nullptr)
      : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
        index_(index),
        clock_(clock),
        sweeper_(io_, resolution, clock != nullptr ? clock->now().mono : std::chrono::steady_clock::now()),
        buffers_(buffer_size),
        idle_set_(io_) {}

  [[nodiscard]] asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] Executor executor() noexcept { return io_.get_executor(); }
  /// Runs `work` on the loop. Callable from any thread. Throws std::bad_alloc; see PostMemory.
  template <class Work>
  void post(Work&& work) {
    asio::post(executor(), std::forward<Work>(work));
  }
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] Sweeper& sweeper() noexcept { return sweeper_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] IdleSet& idle_set() noexcept { return idle_set_; }
  [[nodiscard]] Counters& counters() noexcept { return counters_; }
  [[nodiscard]] const Counters& counters_view() const noexcept { return counters_; }

  /// Called with the name of a task that ended with an exception, and that exception. To be set before the
  /// loop runs; must not throw.
  using OnFailure = std::function<void(std::string_view task, const std::exception_ptr& error)>;
  void on_failure(OnFailure callback) { on_failure_ = std::move(callback); }
  void note_failure(std::string_view task, const std::exception_ptr& error) noexcept {
    counters_.task_failures.add();
    if (on_failure_) on_failure_(task, error);
  }

  /// The time of the last sweep. Callable from any thread.
  [[nodiscard]] policy::MonoTime last_turn() const noexcept {
    return std::chrono::floor<Millis>(sweeper_.last_turn());
  }
  [[nodiscard]] std::chrono::nanoseconds lag() const noexcept { return sweeper_.lag(); }

  [[nodiscard]] policy::Now now() const noexcept { return clock_ == nullptr ? system_now() : clock_->now(); }
  [[nodiscard]] bool is_simulated() const noexcept { return clock_ != nullptr; }
  /// Moves the simulated time and fires the deadlines that are due.
  void advance(Millis by) {
    clock_->advance(by);
    sweeper_.sweep(clock_->now().mono);
  }

 private:
  asio::io_context io_;
  unsigned index_;
  SimulatedClock* clock_;  // nullptr: the system's time
  Sweeper sweeper_;
  BufferPool buffers_;
  IdleSet idle_set_;
  Counters counters_;
  OnFailure on_failure_;
};

/// A flag that one coroutine waits for and that others on the same loop raise. If it is raised before the
/// wait, the wait returns at once.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop), timer_(loop.executor()) {}
  void raise() {
    raised_ = true;
    timer_.cancel();
  }
  [[nodiscard]] Task<void> wait() {
    while (!raised_) {
      timer_.expires_at(std::chrono::steady_clock::time_point::max());
      co_await timer_.async_wait(as_result);
    }
    raised_ = false;
  }
  /// Returns false on a timeout.
  [[nodiscard]] Task<bool> wait_for(Millis timeout) {
    if (!raised_) {
      Deadline simulated(loop_.sweeper(), [this] { timer_.cancel(); });
      if (loop_.is_simulated()) {
        simulated.set(timeout);
        timer_.expires_at(std::chrono::steady_clock::time_point::max());
      } else {
        timer_.expires_after(timeout);
      }
      co_await timer_.async_wait(as_result);
    }
    co_return std::exchange(raised_, false);
  }

 private:
  Loop& loop_;
  Timer timer_;
  bool raised_ = false;
};

}  // namespace larder
