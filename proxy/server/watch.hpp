// Watches a client while its response is awaited or sent.
//
// A reset means at once that the client has gone. The end of its sending side (FIN) may also mean that it
// waits for its response (a half-close), so it counts only once nothing has come for the response for a
// while.
#pragma once

#include "net/child_task.hpp"
#include "server/stream.hpp"

#include <functional>

namespace larder::server {

class Watch {
 public:
  /// `on_gone` is called once the client has gone. A request behind this one hides the end; deadlines bound
  /// that.
  Watch(Loop& loop, Stream& stream, std::function<void()> on_gone)
      : stream_(stream),
        on_gone_(std::move(on_gone)),
        half_closed_(loop.sweeper(), [this] { stream_.cancel_read(); }),
        task_(loop) {}

  /// The end of the client's sending side counts after `half_closed` without progress; 0: at once.
  void start(Millis half_closed) { task_.start("watch of a client", run(half_closed)); }
  /// Something has come for the response.
  void progress(Millis half_closed) noexcept {
    if (is_patient_) half_closed_.set(half_closed);
  }
  /// To be awaited before the call or the client goes away.
  [[nodiscard]] Task<void> stop() {
    is_stopping_ = true;
    if (task_.is_running()) stream_.cancel_read();
    co_await task_.join();
  }
  [[nodiscard]] bool client_has_gone() const noexcept { return has_gone_; }

 private:
  Task<void> run(Millis half_closed) {
    using Departure = Stream::Departure;
    bool gone = false;
    if (half_closed > Millis{0}) {
      is_patient_ = true;
      half_closed_.set(half_closed);
      gone = co_await stream_.await_departure(Departure::broken);
      is_patient_ = false;
      half_closed_.clear();
    }
    if (!gone && !is_stopping_) gone = co_await stream_.await_departure(Departure::ended);
    has_gone_ = gone;
    if (gone) on_gone_();
  }

  Stream& stream_;
  std::function<void()> on_gone_;
  Deadline half_closed_;
  ChildTask task_;
  bool is_patient_ = false;
  bool is_stopping_ = false;
  bool has_gone_ = false;
};

}  // namespace larder::server
