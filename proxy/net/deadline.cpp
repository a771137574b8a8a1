#include "net/deadline.hpp"

#include <algorithm>

namespace larder {

Sweeper::~Sweeper() {
  // Deadlines may outlive the sweep but not the Sweeper: their owners end with the loop.
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
    sweep();
    if (!stopped_) wait();
  });
}

void Sweeper::sweep() {
  now_ = std::chrono::steady_clock::now();
  turned_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
  const auto late = std::chrono::nanoseconds(now_ - expected_).count();
  lag_.store(std::max<std::int64_t>(late, lag_.load(std::memory_order_relaxed) * 7 / 8),
             std::memory_order_relaxed);
  for (Deadline* at = first_; at != nullptr; at = next_) {
    next_ = at->following_;
    if (at->due_ > now_) continue;
    at->due_ = Deadline::never;
    at->expired_ = true;
    at->expire_();
  }
  next_ = nullptr;
  if (hook_) hook_();
}

Deadline::Deadline(Sweeper& sweeper, std::function<void()> expire)
    : sweeper_(sweeper), expire_(std::move(expire)) {
  following_ = sweeper.first_;
  if (following_ != nullptr) following_->previous_ = this;
  sweeper.first_ = this;
}

Deadline::~Deadline() {
  if (sweeper_.next_ == this) sweeper_.next_ = following_;
  (previous_ != nullptr ? previous_->following_ : sweeper_.first_) = following_;
  if (following_ != nullptr) following_->previous_ = previous_;
}

}  // namespace larder
