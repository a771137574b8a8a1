// One thread for work that would hold up a loop.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <mutex>
#include <optional>
#include <utility>

namespace larder {

/// Runs pieces of work one after another, in order. The thread starts with the first of them: a process with
/// a single thread avoids the cost of atomic reference counts. What the work refers to must outlive this.
class BackgroundThread {
 public:
  BackgroundThread() = default;
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  /// Waits for the running work; discards what has not started.
  ~BackgroundThread() {
    if (thread_) thread_->stop();
    thread_.reset();
  }

  /// Callable from any thread. `work` must not throw. Throws std::bad_alloc or, if there can be no thread,
  /// std::system_error.
  template <class Work>
  void post(Work&& work) {
    std::call_once(begun_, [this] { thread_.emplace(1); });
    boost::asio::post(*thread_, std::forward<Work>(work));
  }

 private:
  std::once_flag begun_;
  std::optional<boost::asio::thread_pool> thread_;
};

}  // namespace larder
