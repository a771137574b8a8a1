#include "net/deadline.hpp"

#include <algorithm>

namespace larder {

Sweeper::~Sweeper() {
  // Deadlines may exist after the last sweep, but not after the Sweeper: their owners end with the loop.
  stop();
}

void Sweeper::start() {
  stopped_ = false;
  now_ = std::chrono::steady_clock::now();
  wait();
}

void Sweeper::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Sweeper::wait() {
  timer_.expires_after(resolution_);
  expected_ = timer_.expiry();
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    const auto now = std::chrono::steady_clock::now();
    turned_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    const auto late = std::chrono::nanoseconds(now - expected_).count();
    lag_.store(std::max<std::int64_t>(late, lag_.load(std::memory_order_relaxed) * 7 / 8),
               std::memory_order_relaxed);
    sweep(now);
    if (!stopped_) wait();
  });
}

void Sweeper::set_resolution(Millis resolution) {
  if (resolution == resolution_) return;
  Slot all;
  for (auto& slot : wheel_) all.splice(all.end(), slot);
  resolution_ = resolution;
  tick_ = tick_of(now_);
  while (!all.empty()) {
    auto& deadline = all.front();
    deadline.unlink();
    deadline.visited_at_ = Deadline::never;
    if (deadline.due_ != Deadline::never) link(deadline);
  }
}

void Sweeper::link(Deadline& deadline) noexcept {
  const auto last = tick_ + static_cast<std::int64_t>(slots) - 1;
  const auto tick = std::clamp(tick_of(deadline.due_), tick_ + 1, last);
  deadline.unlink();
  wheel_[static_cast<std::size_t>(tick) % slots].push_back(deadline);
  deadline.visited_at_ = Time((tick + 1) * resolution_);
}

void Sweeper::sweep(Time now) {
  now_ = now;
  // The slot of the current tick is not over yet: its deadlines fire in the next sweep.
  const auto until = tick_of(now) - 1;
  // After a pause longer than the wheel, one turn visits every slot.
  const auto from = std::max(tick_ + 1, until - static_cast<std::int64_t>(slots) + 1);
  // Updated before the loop, so that `link` adds nothing to the slots that this sweep visits.
  tick_ = std::max(tick_, until);
  for (auto tick = from; tick <= until; ++tick) {
    Slot due;
    due.swap(wheel_[static_cast<std::size_t>(tick) % slots]);
    while (!due.empty()) {
      auto& deadline = due.front();
      deadline.unlink();
      deadline.visited_at_ = Deadline::never;
      ++visits_;
      if (deadline.due_ > now) {
        if (deadline.due_ != Deadline::never) link(deadline);
        continue;
      }
      deadline.due_ = Deadline::never;
      deadline.expired_ = true;
      deadline.expire_();
    }
  }
  if (hook_) hook_();
}

}  // namespace larder
