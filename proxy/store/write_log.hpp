// When writes went through: what makes older fills and stored responses void (design, invariant 5; RFC
// 9111 4.4).
//
// Model: one counter orders fills and writes. A write leaves its number in the slot of its path and in those
// of the routes that it invalidates; a response counts only if its fill began after every write that concerns
// it. Nothing is searched or erased, so a write costs the same whatever is stored, and a fill under way is
// covered as well as a stored response. Groups (RFC 9875) have slots as paths do. Paths share a fixed number
// of slots by hash: a collision voids more than it must, never less. Threading: lock-free, from any thread.
#pragma once

#include "policy/stored.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace larder::store {

class WriteLog {
 public:
  using Sequence = policy::Sequence;

  WriteLog() : paths_(path_slots), routes_(route_slots), groups_(group_slots) {}

  /// What a fill takes as its `began`. A later write's number is greater.
  [[nodiscard]] Sequence begin_fill() noexcept { return clock_.fetch_add(1, std::memory_order_seq_cst) + 1; }

  /// `path_hash` of the target's authority and path: every query of a path is concerned.
  void written(std::uint64_t path_hash) noexcept { raise(paths_[path_hash % path_slots]); }
  /// A write that a route lists in `invalidated_by`; `route_hash` is of the route's name.
  void route_written(std::uint64_t route_hash) noexcept { raise(routes_[route_hash % route_slots]); }
  /// `group_hash` is of the group's name with its origin.
  void group_written(std::uint64_t group_hash) noexcept { raise(groups_[group_hash % group_slots]); }
  /// Everything that began before now.
  void all_written() noexcept { raise(all_); }

  /// Whether what began then is void.
  [[nodiscard]] bool is_void(Sequence began, std::uint64_t path_hash,
                             std::uint64_t route_hash) const noexcept {
    return began < paths_[path_hash % path_slots].load(std::memory_order_acquire) ||
           began < routes_[route_hash % route_slots].load(std::memory_order_acquire) ||
           began < all_.load(std::memory_order_acquire);
  }
  /// The same for a response that belongs to groups.
  [[nodiscard]] bool is_void(Sequence began, std::uint64_t path_hash, std::uint64_t route_hash,
                             std::span<const std::uint64_t> group_hashes) const noexcept {
    if (is_void(began, path_hash, route_hash)) return true;
    for (const auto hash : group_hashes) {
      if (began < groups_[hash % group_slots].load(std::memory_order_acquire)) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t path_slots = 16384;
  static constexpr std::size_t route_slots = 4096;
  static constexpr std::size_t group_slots = 16384;

  void raise(std::atomic<Sequence>& slot) noexcept {
    const auto now = clock_.fetch_add(1, std::memory_order_seq_cst) + 1;
    auto seen = slot.load(std::memory_order_relaxed);
    while (seen < now && !slot.compare_exchange_weak(seen, now, std::memory_order_acq_rel)) {
    }
  }

  std::atomic<Sequence> clock_{0};
  std::atomic<Sequence> all_{0};
  std::vector<std::atomic<Sequence>> paths_;
  std::vector<std::atomic<Sequence>> routes_;
  std::vector<std::atomic<Sequence>> groups_;
};

}  // namespace larder::store
