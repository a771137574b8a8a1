// When writes went through: what makes older fills and stored responses void (design, invariant 5; RFC
// 9111 4.4).
//
// Model: one counter orders fills and writes. A write leaves its number in the slot of its path and in those
// of the routes that it invalidates; a response counts only if its fill began after every write that concerns
// it. Nothing is searched or erased, so a write costs the same whatever is stored, and a fill under way is
// covered as well as a stored response. Groups (RFC 9875) have slots as paths do. Paths share a fixed number
// of slots by hash: a collision voids more than it must, never less. Threading: lock-free, from any thread.
//
// The slots lie in memory that may be a file's (see persist/): then what was written outlives the process
// without anybody waiting for a disk.
#pragma once

#include "policy/stored.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace larder::store {

/// What a stored response may still be used for, after the invalidations that concern it.
enum class Validity : std::uint8_t {
  valid,
  stale_once,     // stale: may be served while it is fetched again
  only_on_error,  // may be served only when the API fails and stale-if-error allows it
  invalid,        // must not be served (RFC 9111 4.4)
};

class InvalidationLog {
 public:
  using Sequence = policy::Sequence;

  /// The last write of each level. `any` is of them all, so that a reader who is not concerned looks at one.
  struct Slot {
    std::atomic<Sequence> any;
    std::atomic<Sequence> hard;
    std::atomic<Sequence> strict;
  };
  static constexpr std::size_t path_slots = 16384;
  static constexpr std::size_t route_slots = 4096;
  static constexpr std::size_t group_slots = 16384;
  /// All zero in the beginning. No pointers: it may be mapped anywhere.
  /// Every fill writes the clock and every hit reads the slots, so they are on different cache lines.
  struct Memory {
    alignas(policy::cache_line) std::atomic<Sequence> clock;
    alignas(policy::cache_line) Slot all;
    alignas(policy::cache_line) std::array<Slot, path_slots> paths;
    std::array<Slot, route_slots> routes;
    std::array<Slot, group_slots> groups;
  };
  static_assert(std::atomic<Sequence>::is_always_lock_free);

  InvalidationLog() : owned_(std::make_unique<Memory>()), memory_(owned_.get()) {}
  /// `memory` outlives the log; what is in it holds.
  explicit InvalidationLog(Memory* memory) : memory_(memory) {}
  InvalidationLog(InvalidationLog&&) = default;

  /// What a fill takes as its `began`. A later write's number is greater.
  [[nodiscard]] Sequence next_sequence() noexcept {
    return memory_->clock.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  /// Nothing that begins from now on has a number up to that one.
  void advance_to(Sequence number) noexcept { lift(memory_->clock, number); }

  /// `path_hash` of the target's authority and path: every query of a path is concerned.
  void invalidate_path(std::uint64_t path_hash, Validity level) noexcept {
    raise(memory_->paths[path_hash % path_slots], level);
  }
  /// A write that a route lists in `invalidated_by`; `route_hash` is of the route's name.
  void invalidate_route(std::uint64_t route_hash, Validity level) noexcept {
    raise(memory_->routes[route_hash % route_slots], level);
  }
  /// `group_hash` is of the group's name with its origin.
  void invalidate_group(std::uint64_t group_hash, Validity level) noexcept {
    raise(memory_->groups[group_hash % group_slots], level);
  }
  /// Everything that began before now.
  void invalidate_all(Validity level) noexcept { raise(memory_->all, level); }

  /// What is left of a response, or a fill, that began then.
  [[nodiscard]] Validity validity_of(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                     std::span<const std::uint64_t> group_hashes = {}) const noexcept {
    auto state =
        std::max({of(memory_->paths[path_hash % path_slots], sequence),
                  of(memory_->routes[route_hash % route_slots], sequence), of(memory_->all, sequence)});
    for (const auto hash : group_hashes)
      state = std::max(state, of(memory_->groups[hash % group_slots], sequence));
    return state;
  }
  /// Whether any write concerns it: then it is not to be stored.
  [[nodiscard]] bool is_invalidated(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                    std::span<const std::uint64_t> group_hashes = {}) const noexcept {
    return validity_of(sequence, path_hash, route_hash, group_hashes) != Validity::valid;
  }

 private:
  [[nodiscard]] static Validity of(const Slot& slot, Sequence sequence) noexcept {
    if (sequence >= slot.any.load(std::memory_order_acquire)) return Validity::valid;
    if (sequence < slot.strict.load(std::memory_order_relaxed)) return Validity::invalid;
    return sequence < slot.hard.load(std::memory_order_relaxed) ? Validity::only_on_error
                                                                : Validity::stale_once;
  }
  static void lift(std::atomic<Sequence>& value, Sequence to) noexcept {
    auto seen = value.load(std::memory_order_relaxed);
    while (seen < to && !value.compare_exchange_weak(seen, to, std::memory_order_acq_rel)) {
    }
  }
  // `any` last: who sees it sees the level too.
  void raise(Slot& slot, Validity level) noexcept {
    const auto now = next_sequence();
    if (level == Validity::invalid) lift(slot.strict, now);
    if (level >= Validity::only_on_error) lift(slot.hard, now);
    lift(slot.any, now);
  }

  std::unique_ptr<Memory> owned_;
  Memory* memory_;
};

}  // namespace larder::store
