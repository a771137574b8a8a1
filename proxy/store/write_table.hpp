// The last writes to paths and cache groups, exactly, in a bounded table.
//
// Model: two generations of an open-addressed table. A write goes into the current one; a look-up takes the
// later of what both have. When the current generation is full, the other one is given up and becomes the
// current one: its greatest numbers are kept as the floor, below which a key without a record may have been
// written. So at least the last `most` keys are exact, at most twice as many, and giving records up
// invalidates too much but never too little. Only numbers, without pointers, so that the memory may be mapped
// from a file; each record has a check (invalidation_log.hpp). Not synchronised: InvalidationLog does that.
#pragma once

#include "policy/stored.hpp"

#include <array>
#include <cstdint>

namespace larder::store {

/// What a stored response may still be used for after the invalidations that apply to it.
enum class Validity : std::uint8_t {
  valid,
  stale_once,     // may be served stale while it is fetched again
  only_on_error,  // may be served only if the API fails and stale-if-error permits it
  invalid,        // must not be served (RFC 9111 4.4)
};

/// The last write of each level; `any` is the last of all levels. 0 = none.
struct LastWrites {
  policy::Sequence any = 0;
  policy::Sequence hard = 0;
  policy::Sequence strict = 0;

  void raise(const LastWrites& to) noexcept;
  [[nodiscard]] static LastWrites of(policy::Sequence number, Validity level) noexcept;
};

/// The checks of records, and what they add up to.
struct Checks {
  std::uint64_t sum = 0;      // of all, by exclusive or
  policy::Sequence last = 0;  // the greatest number
  bool sound = true;

  void add(const LastWrites& writes, std::uint64_t found, std::uint64_t expected) noexcept {
    sound = sound && found == expected;
    sum ^= found;
    if (writes.any > last) last = writes.any;
  }
};

class WriteTable {
 public:
  static constexpr std::size_t slots = 16'384;
  static constexpr std::size_t most = 12'288;  // records in one generation
  struct Record {
    std::uint64_t key;
    LastWrites writes;  // `any` 0 = unused
    std::uint64_t check;
  };
  using Generation = std::array<Record, slots>;
  /// Initially all zero.
  struct Memory {
    std::array<Generation, 2> generations;
    Record state;  // `key` is the index of the current generation, `writes` are the floor
  };

  /// `sum` is kept up to date: the checks of all records, combined by exclusive or with what else it has.
  WriteTable(Memory& memory, std::uint64_t& sum) noexcept;

  void raise(std::uint64_t key, const LastWrites& writes) noexcept;
  /// The last writes to the key that are on record.
  [[nodiscard]] LastWrites find(std::uint64_t key) const noexcept;
  /// The last writes of keys whose records were given up.
  [[nodiscard]] const LastWrites& floor() const noexcept { return memory_->state.writes; }
  /// How often records were given up.
  [[nodiscard]] std::uint64_t overflows() const noexcept { return overflows_; }

  static void add_checks(const Memory& memory, Checks& checks) noexcept;

 private:
  [[nodiscard]] Generation& current() const noexcept { return memory_->generations[memory_->state.key & 1]; }
  [[nodiscard]] Generation& previous() const noexcept {
    return memory_->generations[~memory_->state.key & 1];
  }
  void renew_check(Record& record) noexcept;
  void give_up_previous() noexcept;

  Memory* memory_;
  std::uint64_t* sum_;
  std::size_t used_;  // of the current generation
  std::uint64_t overflows_ = 0;
};

}  // namespace larder::store
