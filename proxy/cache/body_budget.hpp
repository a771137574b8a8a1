// The memory of bodies that are being received, in addition to what is stored (limits.bodies_in_flight).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace larder::cache {

/// The bytes of all such bodies. Callable from any thread.
class BodyBudget {
 public:
  /// Takes `bytes` more unless there would be more than `max`.
  [[nodiscard]] bool take(std::size_t bytes, std::size_t max) noexcept {
    const auto before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= max) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void give_back(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> used_{0};
};

/// One body's share of a budget, given back by the destructor. Moves with the body.
class BodyShare {
 public:
  BodyShare() = default;
  BodyShare(BodyBudget& budget, std::size_t max) noexcept : budget_(&budget), max_(max) {}
  BodyShare(BodyShare&& other) noexcept
      : budget_(other.budget_), max_(other.max_), held_(std::exchange(other.held_, 0)) {}
  BodyShare& operator=(BodyShare&& other) noexcept {
    give_back();
    budget_ = other.budget_;
    max_ = other.max_;
    held_ = std::exchange(other.held_, 0);
    return *this;
  }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { give_back(); }

  /// The body is gone.
  void give_back() noexcept {
    if (held_ > 0) budget_->give_back(std::exchange(held_, 0));
  }

  /// False if a body of that size exceeds the budget; the share is then as before. Grows in steps, so that
  /// small pieces do not each access the budget.
  [[nodiscard]] bool grow_to(std::size_t size) noexcept {
    if (size <= held_) return true;
    const auto more = std::max(size - held_, step);
    if (!budget_->take(more, max_)) return false;
    held_ += more;
    return true;
  }

 private:
  static constexpr std::size_t step = 16 * 1024;
  BodyBudget* budget_ = nullptr;
  std::size_t max_ = 0;
  std::size_t held_ = 0;
};

}  // namespace larder::cache
