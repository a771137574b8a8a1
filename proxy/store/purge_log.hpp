// The last purges. Fetches that were under way when a purge came must not be stored afterwards.
//
// Responses that are stored when a purge comes are handled by the invalidation log; this log is for fetches
// of keys for which nothing is stored. It is bounded: a fetch that started before the oldest purge in the log
// counts as purged. Callable from any thread.
#pragma once

#include "policy/purge.hpp"
#include "policy/stored.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace larder::store {

class PurgeLog {
 public:
  /// `number` is a number of the invalidation log, taken when the purge came.
  void add(policy::Purge purge, policy::Sequence number) {
    const std::lock_guard lock(mutex_);
    purges_.push_back({std::move(purge), number});
    last_.store(number, std::memory_order_release);
    if (purges_.size() <= most) return;
    forgotten_ = purges_.front().number;
    purges_.pop_front();
  }

  /// Whether a later purge may apply to a fetch for that key. The groups of its response are not known yet,
  /// so every purge of a group counts.
  [[nodiscard]] bool may_concern(policy::Sequence sequence, std::string_view key) const {
    if (sequence > last_.load(std::memory_order_acquire)) return false;
    const std::lock_guard lock(mutex_);
    if (sequence < forgotten_) return true;
    for (auto at = purges_.rbegin(); at != purges_.rend() && at->number > sequence; ++at) {
      if (at->purge.what == policy::Purge::What::group || at->purge.concerns(policy::KeyView(key), {}))
        return true;
    }
    return false;
  }

  /// Whether a later purge applies to a response for that key with these groups.
  [[nodiscard]] bool is_invalidated(policy::Sequence sequence, std::string_view key,
                                    std::span<const std::string> groups) const {
    if (sequence > last_.load(std::memory_order_acquire)) return false;
    const std::lock_guard lock(mutex_);
    if (sequence < forgotten_) return true;
    for (auto at = purges_.rbegin(); at != purges_.rend() && at->number > sequence; ++at) {
      if (at->purge.concerns(policy::KeyView(key), groups)) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t most = 1024;
  struct Done {
    policy::Purge purge;
    policy::Sequence number;
  };
  mutable std::mutex mutex_;
  std::deque<Done> purges_;
  policy::Sequence forgotten_ = 0;
  std::atomic<policy::Sequence> last_{0};  // avoids the lock while there are no purges
};

}  // namespace larder::store
