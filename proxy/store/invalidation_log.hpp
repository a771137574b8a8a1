// The sequence of the last write per path, route and group. Fills that started before the write, and
// responses from such fills, are invalid (design, invariant 5; RFC 9111 4.4).
//
// Model: one counter orders fills and writes. A write stores its number in the slot of its path and in those
// of the routes that it invalidates; a response is valid only if its fill started after every write that
// applies to it. Nothing is searched or erased, so the cost of a write does not depend on what is stored, and
// fills under way are invalidated like stored responses. Groups (RFC 9875) have slots like paths. Paths share
// a fixed number of slots by hash: a collision may invalidate too much, but never too little. Callable from
// any thread. Look-ups load atomics and are lock-free; writes take a mutex, under which they also renew
// checks.
//
// The slots may be in a memory-mapped file (tiers/mapped_invalidation_log.hpp), so that writes are still
// known after the process ends, without waiting for a disk. A file can be damaged, so each slot has a check
// of its content, and `sum` combines the checks of all: `is_sound` also finds blocks that were lost as a
// whole.
#pragma once

#include "policy/stored.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

namespace larder::store {

/// What a stored response may still be used for after the invalidations that apply to it.
enum class Validity : std::uint8_t {
  valid,
  stale_once,     // may be served stale while it is fetched again
  only_on_error,  // may be served only if the API fails and stale-if-error permits it
  invalid,        // must not be served (RFC 9111 4.4)
};

class InvalidationLog {
 public:
  using Sequence = policy::Sequence;

  /// The last write of each level. `any` is the last of all levels, so that a lookup usually reads only one
  /// value. `check` is a hash of the others and of the slot's place; 0 in a slot that was never written.
  struct Slot {
    std::atomic<Sequence> any;
    std::atomic<Sequence> hard;
    std::atomic<Sequence> strict;
    std::atomic<std::uint64_t> check;
  };
  static constexpr std::size_t path_slots = 16384;
  static constexpr std::size_t route_slots = 4096;
  static constexpr std::size_t group_slots = 16384;
  /// Initially all zero. Without pointers, so that it may be mapped at any address. Every fill writes `clock`
  /// and every hit reads the slots, so they are on different cache lines.
  struct Memory {
    alignas(policy::cache_line) std::atomic<Sequence> clock;
    alignas(policy::cache_line) Slot all;
    std::uint64_t sum;  // all checks, combined by exclusive or
    alignas(policy::cache_line) std::array<Slot, path_slots> paths;
    std::array<Slot, route_slots> routes;
    std::array<Slot, group_slots> groups;
  };
  static_assert(std::atomic<Sequence>::is_always_lock_free);

  /// `memory` must outlive the log; its content is kept. nullptr: the log has its own.
  explicit InvalidationLog(Memory* memory = nullptr)
      : owned_(memory == nullptr ? std::make_unique<Memory>() : nullptr),
        memory_(memory == nullptr ? owned_.get() : memory) {}

  /// Whether every check agrees, and the clock has not fallen behind the writes. To be called before a log
  /// uses the memory. What follows from memory that is not sound is up to the caller: none of its content can
  /// be relied on.
  [[nodiscard]] static bool is_sound(const Memory& memory) noexcept;

  /// The number for a fill that starts. Later writes have greater numbers.
  [[nodiscard]] Sequence next_sequence() noexcept {
    return memory_->clock.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  /// Ensures that later numbers are greater than `number`.
  void advance_to(Sequence number) noexcept { lift(memory_->clock, number); }

  // The following return the number of the invalidation: it applies to what has a lower one.

  /// `path_hash` is that of the target's authority and path; all queries of the path are invalidated.
  Sequence invalidate_path(std::uint64_t path_hash, Validity level) noexcept {
    return raise(memory_->paths[path_hash % path_slots], level);
  }
  /// Invalidates a route, because of a write that it lists in `invalidated_by`. `route_hash` is that of the
  /// route's name.
  Sequence invalidate_route(std::uint64_t route_hash, Validity level) noexcept {
    return raise(memory_->routes[route_hash % route_slots], level);
  }
  /// `group_hash` is that of policy::group_name.
  Sequence invalidate_group(std::uint64_t group_hash, Validity level) noexcept {
    return raise(memory_->groups[group_hash % group_slots], level);
  }
  /// Invalidates everything that started before now.
  Sequence invalidate_all(Validity level) noexcept { return raise(memory_->all, level); }

  /// The validity of a response or fill that started at `sequence`.
  [[nodiscard]] Validity validity_of(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                     std::span<const std::uint64_t> group_hashes = {}) const noexcept {
    auto state =
        std::max({of(memory_->paths[path_hash % path_slots], sequence),
                  of(memory_->routes[route_hash % route_slots], sequence), of(memory_->all, sequence)});
    for (const auto hash : group_hashes)
      state = std::max(state, of(memory_->groups[hash % group_slots], sequence));
    return state;
  }
  /// Whether any write applies to it, so that it must not be stored.
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
  Sequence raise(Slot& slot, Validity level) noexcept;

  std::mutex writing_;
  std::unique_ptr<Memory> owned_;
  Memory* memory_;
};

}  // namespace larder::store
