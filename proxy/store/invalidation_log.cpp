#include "store/invalidation_log.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::store {

namespace {

using Log = InvalidationLog;
using policy::Sequence;

LastWrites read(const Log::Slot& slot) noexcept {
  return {slot.any.load(std::memory_order_relaxed), slot.hard.load(std::memory_order_relaxed),
          slot.strict.load(std::memory_order_relaxed)};
}

std::uint64_t check_of(const Log::Memory& memory, const Log::Slot& slot) noexcept {
  const auto writes = read(slot);
  if (writes.any == 0 && writes.hard == 0 && writes.strict == 0) return 0;
  const auto place = reinterpret_cast<const char*>(&slot) - reinterpret_cast<const char*>(&memory);
  return XXH3_64bits_withSeed(&writes, sizeof writes, static_cast<std::uint64_t>(place));
}

void lift(std::atomic<Sequence>& value, Sequence to) noexcept {
  auto seen = value.load(std::memory_order_relaxed);
  while (seen < to && !value.compare_exchange_weak(seen, to, std::memory_order_acq_rel)) {
  }
}

// No clock gets there by counting; a greater one could overflow.
constexpr Sequence most = Sequence{1} << 62;

}  // namespace

bool InvalidationLog::is_sound(const Memory& memory) noexcept {
  Checks checks;
  const auto add = [&](const Slot& slot) {
    checks.add(read(slot), slot.check.load(std::memory_order_relaxed), check_of(memory, slot));
  };
  add(memory.all);
  std::for_each(memory.routes.begin(), memory.routes.end(), add);
  WriteTable::add_checks(memory.writes, checks);
  const auto clock = memory.clock.load(std::memory_order_relaxed);
  return checks.sound && checks.sum == memory.sum && checks.last <= clock && clock < most;
}

void InvalidationLog::advance_to(Sequence number) noexcept {
  lift(memory_->clock, number);
}

// `any` is written before the check and after the levels: a thread that sees it also sees the level.
Sequence InvalidationLog::raise(Slot& slot, Validity level) noexcept {
  const std::lock_guard lock(writing_);
  const auto now = next_sequence();
  const auto writes = LastWrites::of(now, level);
  lift(slot.strict, writes.strict);
  lift(slot.hard, writes.hard);
  lift(slot.any, writes.any);
  const auto check = check_of(*memory_, slot);
  memory_->sum ^= slot.check.exchange(check, std::memory_order_relaxed) ^ check;
  return now;
}

Sequence InvalidationLog::raise_key(std::uint64_t key, Validity level) noexcept {
  LastWrites writes;
  {
    const std::lock_guard lock(writing_);
    writes = LastWrites::of(next_sequence(), level);
    table_.raise(key, writes);
  }
  marks_.raise(key, writes);
  return writes.any;
}

std::shared_ptr<const Mark> InvalidationLog::mark(std::uint64_t key) {
  return marks_.get(key, [&] { return beginning_of(key); });
}

Mark::Beginning InvalidationLog::beginning_of(std::uint64_t key) const noexcept {
  const std::lock_guard lock(writing_);
  auto writes = table_.find(key);
  const auto& floor = table_.floor();
  const auto presumed = floor.any > writes.any ? floor.any : 0;
  writes.raise(floor);
  return {writes, presumed};
}

Validity InvalidationLog::of_key(std::uint64_t key, Sequence sequence) const noexcept {
  if (const auto mark = marks_.find(key)) return mark->validity_of(sequence);
  return Mark(beginning_of(key)).validity_of(sequence);
}

Validity InvalidationLog::validity_of(Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash,
                                      std::span<const std::uint64_t> group_hashes) const noexcept {
  auto state = std::max({of_key(path_hash, sequence), of(memory_->routes[route_hash % route_slots], sequence),
                         of(memory_->all, sequence)});
  for (const auto hash : group_hashes) state = std::max(state, of_key(key_of_group(hash), sequence));
  return state;
}

bool InvalidationLog::is_presumed(Sequence sequence, const Mark& path, std::uint64_t route_hash,
                                  std::span<const std::shared_ptr<const Mark>> groups) const noexcept {
  const auto is_known = [&](const Mark& mark) {
    return mark.validity_of(sequence) != Validity::valid && !mark.is_presumed();
  };
  return of(memory_->routes[route_hash % route_slots], sequence) == Validity::valid &&
         of(memory_->all, sequence) == Validity::valid && !is_known(path) &&
         std::none_of(groups.begin(), groups.end(), [&](const auto& group) { return is_known(*group); });
}

std::uint64_t InvalidationLog::overflows() const noexcept {
  const std::lock_guard lock(writing_);
  return table_.overflows();
}

}  // namespace larder::store
