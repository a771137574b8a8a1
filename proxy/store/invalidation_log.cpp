#include "store/invalidation_log.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::store {

namespace {

using Log = InvalidationLog;
using policy::Sequence;

std::uint64_t check_of(const Log::Memory& memory, const Log::Slot& slot) noexcept {
  const std::array<Sequence, 3> content{slot.any.load(std::memory_order_relaxed),
                                        slot.hard.load(std::memory_order_relaxed),
                                        slot.strict.load(std::memory_order_relaxed)};
  if (content == std::array<Sequence, 3>{}) return 0;
  const auto place = reinterpret_cast<const char*>(&slot) - reinterpret_cast<const char*>(&memory);
  return XXH3_64bits_withSeed(content.data(), sizeof content, static_cast<std::uint64_t>(place));
}

// What a sound memory adds up to.
struct Sum {
  std::uint64_t checks = 0;
  Sequence last = 0;  // the greatest number of a write
  bool sound = true;

  void add(const Log::Memory& memory, const Log::Slot& slot) noexcept {
    const auto check = slot.check.load(std::memory_order_relaxed);
    sound = sound && check == check_of(memory, slot);
    checks ^= check;
    last = std::max(last, slot.any.load(std::memory_order_relaxed));
  }
};

// No clock gets there by counting; a greater one could overflow.
constexpr Sequence most = Sequence{1} << 62;

}  // namespace

bool InvalidationLog::is_sound(const Memory& memory) noexcept {
  Sum sum;
  sum.add(memory, memory.all);
  for (const auto& slot : memory.paths) sum.add(memory, slot);
  for (const auto& slot : memory.routes) sum.add(memory, slot);
  for (const auto& slot : memory.groups) sum.add(memory, slot);
  const auto clock = memory.clock.load(std::memory_order_relaxed);
  return sum.sound && sum.checks == memory.sum && sum.last <= clock && clock < most;
}

// `any` is written before the check and after the levels: a thread that sees it also sees the level.
Sequence InvalidationLog::raise(Slot& slot, Validity level) noexcept {
  const std::lock_guard lock(writing_);
  const auto now = next_sequence();
  if (level == Validity::invalid) lift(slot.strict, now);
  if (level >= Validity::only_on_error) lift(slot.hard, now);
  lift(slot.any, now);
  const auto check = check_of(*memory_, slot);
  memory_->sum ^= slot.check.exchange(check, std::memory_order_relaxed) ^ check;
  return now;
}

}  // namespace larder::store
