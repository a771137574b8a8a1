// A thread for work that would block a loop: reading the configuration, resolving names, visiting all stored
// responses.
//
// `run` may be called on any loop; work runs sequentially, in order. What it refers to must outlive the
// ControlThread.
#pragma once

#include "net/background_thread.hpp"
#include "net/post_memory.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

namespace larder {

class ControlThread {
 public:
  /// Runs a copy of `work` on the thread and resumes on `loop` with its result. Rethrows its exception.
  template <class Result>
  [[nodiscard]] Task<Result> run(Loop& loop, const std::function<Result()>& work) {
    auto piece = std::make_shared<Piece<Result>>(loop, work);
    thread_.post([piece, pending = Pending(pending_)] {
      try {
        piece->result.emplace(piece->work());
      } catch (...) {
        piece->error = std::current_exception();
      }
      piece->work = nullptr;
      piece->waking.post(piece->loop, piece, [](Piece<Result>& done) { done.event.raise(); });
    });
    co_await piece->event.wait();
    if (piece->error) std::rethrow_exception(piece->error);
    co_return std::move(*piece->result);
  }

  /// Whether work is running or waiting. Callable from any thread.
  [[nodiscard]] bool is_busy() const noexcept { return pending_->load(std::memory_order_acquire) != 0; }

 private:
  template <class Result>
  struct Piece {
    Piece(Loop& its_loop, std::function<Result()> its_work)
        : loop(its_loop), event(its_loop), work(std::move(its_work)) {}
    Loop& loop;
    Event event;
    std::function<Result()> work;
    std::optional<Result> result;
    std::exception_ptr error;
    PostMemory waking;
  };
  // Counts one piece of work for its lifetime.
  class Pending {
   public:
    explicit Pending(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) {
      count_->fetch_add(1, std::memory_order_relaxed);
    }
    Pending(const Pending& other) : Pending(other.count_) {}
    Pending(Pending&& other) noexcept = default;
    Pending& operator=(const Pending&) = delete;
    ~Pending() {
      if (count_) count_->fetch_sub(1, std::memory_order_release);
    }

   private:
    std::shared_ptr<std::atomic<int>> count_;
  };
  std::shared_ptr<std::atomic<int>> pending_ = std::make_shared<std::atomic<int>>(0);
  BackgroundThread thread_;
};

}  // namespace larder
