// Marks: the last writes to one path or cache group, shared by the stored responses that they concern.
//
// Model: a response holds the mark of its path and those of its groups. A write raises the mark of its key if
// any response has it, so a hit reads the mark alone, and writes to other paths never concern it. A mark
// lives as long as responses hold it. Callable from any thread: marks are read without a lock; the table of
// marks is in shards with a mutex each. Dead entries are removed when a shard has grown to twice what was
// alive at the last removal, so it has at most twice as many entries as there were marks, and a few.
#pragma once

#include "store/write_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace larder::store {

class Mark {
 public:
  struct Beginning {
    LastWrites writes;
    policy::Sequence presumed = 0;  // `writes.any`, if it is that only because the key's record was given up
  };
  explicit Mark(const Beginning& from) noexcept
      : any_(from.writes.any),
        hard_(from.writes.hard),
        strict_(from.writes.strict),
        presumed_(from.presumed) {}

  /// For a response or fill that started at `sequence`.
  [[nodiscard]] Validity validity_of(policy::Sequence sequence) const noexcept {
    if (sequence >= any_.load(std::memory_order_acquire)) return Validity::valid;
    if (sequence < strict_.load(std::memory_order_relaxed)) return Validity::invalid;
    return sequence < hard_.load(std::memory_order_relaxed) ? Validity::only_on_error : Validity::stale_once;
  }
  /// Whether no write to the key is known, but one may have been forgotten.
  [[nodiscard]] bool is_presumed() const noexcept {
    return presumed_ != 0 && any_.load(std::memory_order_acquire) == presumed_;
  }
  /// One thread at a time. `any` is written last: a thread that sees it also sees the level.
  void raise(const LastWrites& to) noexcept {
    lift(strict_, to.strict);
    lift(hard_, to.hard);
    lift(any_, to.any);
  }

 private:
  static void lift(std::atomic<policy::Sequence>& value, policy::Sequence to) noexcept {
    if (value.load(std::memory_order_relaxed) < to) value.store(to, std::memory_order_release);
  }

  std::atomic<policy::Sequence> any_;
  std::atomic<policy::Sequence> hard_;
  std::atomic<policy::Sequence> strict_;
  policy::Sequence presumed_;
};

class MarkTable {
 public:
  /// The mark of the key. If no response has one, it begins with what `first` returns,
  /// which is called under the lock, so that a write either is among them or finds the mark afterwards.
  template <class First>
  [[nodiscard]] std::shared_ptr<const Mark> get(std::uint64_t key, First first) {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (const auto at = shard.marks.find(key); at != shard.marks.end()) {
      if (auto mark = at->second.lock()) return mark;
    }
    if (shard.marks.size() >= shard.limit) {
      std::erase_if(shard.marks, [](const auto& entry) { return entry.second.expired(); });
      shard.limit = std::max(least, 2 * shard.marks.size());
    }
    auto mark = std::make_shared<Mark>(first());
    shard.marks.insert_or_assign(key, mark);
    return mark;
  }
  /// nullptr: no response has one.
  [[nodiscard]] std::shared_ptr<const Mark> find(std::uint64_t key) const noexcept {
    const auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.marks.find(key);
    return at == shard.marks.end() ? nullptr : at->second.lock();
  }
  void raise(std::uint64_t key, const LastWrites& to) noexcept {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.marks.find(key);
    if (at == shard.marks.end()) return;
    if (const auto mark = at->second.lock()) mark->raise(to);
  }
  /// Entries, those of dead marks included.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      sum += shard.marks.size();
    }
    return sum;
  }

  static constexpr std::size_t shard_count = 64;
  static constexpr std::size_t least = 64;  // entries of a shard before dead ones are removed
  /// Estimated bytes of one mark and its entry.
  static constexpr std::size_t charge = 48 + 48 + 8;

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, std::weak_ptr<Mark>> marks;
    std::size_t limit = least;
  };
  [[nodiscard]] const Shard& shard_of(std::uint64_t key) const noexcept {
    return shards_[(key >> 32) % shard_count];
  }
  [[nodiscard]] Shard& shard_of(std::uint64_t key) noexcept { return shards_[(key >> 32) % shard_count]; }

  std::array<Shard, shard_count> shards_;
};

}  // namespace larder::store
