// The sequence of the last write per path, route and group. Fills that started before the write, and
// responses from such fills, are invalid (design, invariant 5; RFC 9111 4.4).
//
// Model: one counter orders fills and writes. A write gives its number to its path, and to the routes and
// groups that it invalidates; a response is valid only if its fill started after every write that applies to
// it. Nothing is searched or erased in the store, so the cost of a write does not depend on what is stored,
// and fills under way are invalidated like stored responses.
//
// Where a write's number is kept:
// - Paths and groups (RFC 9875, and the bindings of `invalidated_by`) by their full 64-bit hash: in the mark
//   that the stored responses of that path or group share (marks.hpp), and in a bounded table
//   (write_table.hpp), which knows the paths that nothing is stored for yet: fills under way, and what will
//   be restored. A write goes to the table first and then to the mark; a new mark begins with what the table
//   has. So a mark has every write that its responses must heed, and a hit reads only the mark.
// - When the table gives records up, their greatest number becomes its floor. What was fetched before it, and
//   for a path without a mark, is presumed invalid (`is_presumed`); stored responses are not concerned.
// - Routes in slots, by hash, and one slot for everything: a collision of two routes' names may invalidate
// too
//   much, but never too little.
//
// Threading: callable from any thread. A hit loads atomics: one of its path's mark, of its route's slot, of
// `all`, and of each group's mark. Making marks, judging by hash, and writes take mutexes, briefly; a write
// that has returned is seen by every later look-up.
//
// The memory may be mapped from a file (tiers/mapped_invalidation_log.hpp), so that writes are still known
// after the process ends, without waiting for a disk. A file can be damaged, so each record and slot has a
// check of its content, and `sum` combines them all: `is_sound` also finds blocks that were lost as a whole.
#pragma once

#include "store/marks.hpp"
#include "store/write_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

namespace larder::store {

class InvalidationLog {
 public:
  using Sequence = policy::Sequence;

  /// As LastWrites. `check` is a hash of the others and of the slot's place; 0 in a slot that was never
  /// written.
  struct Slot {
    std::atomic<Sequence> any;
    std::atomic<Sequence> hard;
    std::atomic<Sequence> strict;
    std::atomic<std::uint64_t> check;
  };
  static constexpr std::size_t route_slots = 4096;
  /// Initially all zero. Without pointers, so that it may be mapped at any address. Every fill writes `clock`
  /// and every hit reads the slots, so they are on different cache lines.
  struct Memory {
    alignas(policy::cache_line) std::atomic<Sequence> clock;
    std::uint64_t sum;  // all checks, combined by exclusive or
    alignas(policy::cache_line) Slot all;
    alignas(policy::cache_line) std::array<Slot, route_slots> routes;
    alignas(policy::cache_line) WriteTable::Memory writes;
  };
  static_assert(std::atomic<Sequence>::is_always_lock_free);

  /// `memory` must outlive the log; its content is kept. nullptr: the log has its own.
  explicit InvalidationLog(Memory* memory = nullptr)
      : owned_(memory == nullptr ? std::make_unique<Memory>() : nullptr),
        memory_(memory == nullptr ? owned_.get() : memory),
        table_(memory_->writes, memory_->sum) {}

  /// Whether every check agrees, and the clock has not fallen behind the writes. To be called before a log
  /// uses the memory. What follows from memory that is not sound is up to the caller: none of its content can
  /// be relied on.
  [[nodiscard]] static bool is_sound(const Memory& memory) noexcept;

  /// The number for a fill that starts. Later writes have greater numbers.
  [[nodiscard]] Sequence next_sequence() noexcept {
    return memory_->clock.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  /// Ensures that later numbers are greater than `number`.
  void advance_to(Sequence number) noexcept;

  // The following return the number of the invalidation: it applies to what has a lower one.

  /// `path_hash` is that of the target's authority and path; all queries of the path are invalidated.
  Sequence invalidate_path(std::uint64_t path_hash, Validity level) noexcept {
    return raise_key(path_hash, level);
  }
  /// Invalidates a route, because of a write that it lists in `invalidated_by`. `route_hash` is that of the
  /// route's name.
  Sequence invalidate_route(std::uint64_t route_hash, Validity level) noexcept {
    return raise(memory_->routes[route_hash % route_slots], level);
  }
  /// `group_hash` is that of policy::group_name.
  Sequence invalidate_group(std::uint64_t group_hash, Validity level) noexcept {
    return raise_key(key_of_group(group_hash), level);
  }
  /// Invalidates everything that started before now.
  Sequence invalidate_all(Validity level) noexcept { return raise(memory_->all, level); }

  /// The marks for a response that is going to be stored. It must hold them before it is judged the last time
  /// before that. Throws std::bad_alloc.
  [[nodiscard]] std::shared_ptr<const Mark> mark_of_path(std::uint64_t path_hash) { return mark(path_hash); }
  [[nodiscard]] std::shared_ptr<const Mark> mark_of_group(std::uint64_t group_hash) {
    return mark(key_of_group(group_hash));
  }

  /// The validity of a response that started at `sequence`, by its marks. Lock-free.
  [[nodiscard]] Validity validity_of(Sequence sequence, const Mark& path, std::uint64_t route_hash,
                                     std::span<const std::shared_ptr<const Mark>> groups) const noexcept {
    auto state =
        std::max({path.validity_of(sequence), of(memory_->routes[route_hash % route_slots], sequence),
                  of(memory_->all, sequence)});
    for (const auto& group : groups) state = std::max(state, group->validity_of(sequence));
    return state;
  }
  /// The validity of a response or fill without marks.
  [[nodiscard]] Validity validity_of(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                     std::span<const std::uint64_t> group_hashes = {}) const noexcept;
  /// Whether any write applies to it, so that it must not be stored.
  [[nodiscard]] bool is_invalidated(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                    std::span<const std::uint64_t> group_hashes = {}) const noexcept {
    return validity_of(sequence, path_hash, route_hash, group_hashes) != Validity::valid;
  }
  /// For a response that is not valid: whether no write is known that applies to it, but one may have been
  /// forgotten.
  [[nodiscard]] bool is_presumed(Sequence sequence, const Mark& path, std::uint64_t route_hash,
                                 std::span<const std::shared_ptr<const Mark>> groups) const noexcept;

  /// Calls `move` while no invalidation is written, to give the memory another place at the same address.
  /// Fills still take numbers meanwhile: the clock there must go on from a number that they cannot reach.
  template <class Move>
  void while_unwritten(Move move) {
    const std::lock_guard lock(writing_);
    move();
  }
  /// How often the table has given records up, in this process.
  [[nodiscard]] std::uint64_t overflows() const noexcept;

 private:
  // Paths and groups share the table.
  [[nodiscard]] static std::uint64_t key_of_group(std::uint64_t hash) noexcept {
    return hash ^ 0x9E37'79B9'7F4A'7C15;
  }
  [[nodiscard]] static Validity of(const Slot& slot, Sequence sequence) noexcept {
    if (sequence >= slot.any.load(std::memory_order_acquire)) return Validity::valid;
    if (sequence < slot.strict.load(std::memory_order_relaxed)) return Validity::invalid;
    return sequence < slot.hard.load(std::memory_order_relaxed) ? Validity::only_on_error
                                                                : Validity::stale_once;
  }
  [[nodiscard]] std::shared_ptr<const Mark> mark(std::uint64_t key);
  [[nodiscard]] Mark::Beginning beginning_of(std::uint64_t key) const noexcept;
  [[nodiscard]] Validity of_key(std::uint64_t key, Sequence sequence) const noexcept;
  Sequence raise(Slot& slot, Validity level) noexcept;
  Sequence raise_key(std::uint64_t key, Validity level) noexcept;

  std::unique_ptr<Memory> owned_;
  Memory* memory_;
  mutable std::mutex writing_;  // of `table_`, the slots' checks and `sum`; taken after a lock of `marks_`
  WriteTable table_;
  MarkTable marks_;
};

}  // namespace larder::store
