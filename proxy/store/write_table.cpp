#include "store/write_table.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>

namespace larder::store {

namespace {

using Record = WriteTable::Record;

bool is_used(const Record& record) noexcept {
  return record.writes.any != 0;
}

// 0 for a record that was never written, so that new memory is sound. Without the record's place: keys are
// found in any place.
std::uint64_t check_of(const Record& record) noexcept {
  const auto& [any, hard, strict] = record.writes;
  if (record.key == 0 && any == 0 && hard == 0 && strict == 0) return 0;
  return XXH3_64bits(&record, offsetof(Record, check));
}

// The record of the key, or the unused one where it belongs.
template <class Generation>
auto& place_of(Generation& generation, std::uint64_t key) noexcept {
  auto at = key % WriteTable::slots;
  while (is_used(generation[at]) && generation[at].key != key) at = (at + 1) % WriteTable::slots;
  return generation[at];
}

}  // namespace

void LastWrites::raise(const LastWrites& to) noexcept {
  any = std::max(any, to.any);
  hard = std::max(hard, to.hard);
  strict = std::max(strict, to.strict);
}

LastWrites LastWrites::of(policy::Sequence number, Validity level) noexcept {
  return {number, level >= Validity::only_on_error ? number : 0, level == Validity::invalid ? number : 0};
}

WriteTable::WriteTable(Memory& memory, std::uint64_t& sum) noexcept
    : memory_(&memory),
      sum_(&sum),
      used_(static_cast<std::size_t>(std::count_if(current().begin(), current().end(), is_used))) {}

void WriteTable::renew_check(Record& record) noexcept {
  const auto check = check_of(record);
  *sum_ ^= record.check ^ check;
  record.check = check;
}

void WriteTable::raise(std::uint64_t key, const LastWrites& writes) noexcept {
  auto* record = &place_of(current(), key);
  if (!is_used(*record)) {
    if (used_ >= most) {
      give_up_previous();
      record = &place_of(current(), key);
    }
    record->key = key;
    ++used_;
  }
  record->writes.raise(writes);
  renew_check(*record);
}

void WriteTable::give_up_previous() noexcept {
  auto& state = memory_->state;
  bool any = false;
  for (auto& record : previous()) {
    if (!is_used(record)) continue;
    any = true;
    state.writes.raise(record.writes);
    *sum_ ^= record.check;
    record = {};
  }
  state.key ^= 1;
  renew_check(state);
  used_ = 0;
  if (any) ++overflows_;
}

LastWrites WriteTable::find(std::uint64_t key) const noexcept {
  auto writes = place_of(current(), key).writes;
  writes.raise(place_of(previous(), key).writes);
  return writes;
}

void WriteTable::add_checks(const Memory& memory, Checks& checks) noexcept {
  for (const auto& generation : memory.generations) {
    for (const auto& record : generation) checks.add(record.writes, record.check, check_of(record));
  }
  checks.add(memory.state.writes, memory.state.check, check_of(memory.state));
}

}  // namespace larder::store
