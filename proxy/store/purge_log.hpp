// The last purges, for fetches that were under way: what they bring is not stored.
//
// What is stored when a purge comes is dealt with by the write log; only a fetch whose key nothing is stored
// for has to be told in words. The memory is bounded: a fetch that began before the oldest purge that is
// remembered counts as concerned. Threading: any thread.
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
  /// `number` is the write log's, taken when the purge came.
  void add(policy::Purge purge, policy::Sequence number) {
    const std::lock_guard lock(mutex_);
    purges_.push_back({std::move(purge), number});
    last_.store(number, std::memory_order_release);
    if (purges_.size() <= most) return;
    forgotten_ = purges_.front().number;
    purges_.pop_front();
  }

  /// Whether a purge since then may concern a fetch under way for that key: of its groups nothing is known
  /// yet, so every purge of a group counts.
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

  /// Whether a purge since then concerns a response for that key, which belongs to these groups.
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
  std::atomic<policy::Sequence> last_{0};  // so that no lock is taken while nothing is purged
};

}  // namespace larder::store
