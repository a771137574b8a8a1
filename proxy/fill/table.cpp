#include "fill/table.hpp"

namespace larder::fill {

Joined FillTable::join(std::string_view key, std::string_view name, std::uint64_t path_hash,
                       std::uint64_t route_hash, bool anew, policy::MonoTime now) {
  if (is_unshared(key, now))
    return {Role::alone, std::make_shared<Fill>(writes_.begin_fill(), path_hash, route_hash)};
  auto& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto running = shard.running.find(name);
  const bool usable = running != shard.running.end() && !anew &&
                      !writes_.is_void(running->second->began(), path_hash, route_hash);
  if (usable) return {Role::follow, running->second};
  auto fill = std::make_shared<Fill>(writes_.begin_fill(), path_hash, route_hash);
  if (running != shard.running.end())
    running->second = fill;
  else
    shard.running.emplace(name, fill);
  return {Role::lead, std::move(fill)};
}

void FillTable::leave(std::string_view name, const std::shared_ptr<Fill>& fill) {
  auto& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto running = shard.running.find(name);
  if (running != shard.running.end() && running->second == fill) shard.running.erase(running);
}

bool FillTable::is_unshared(std::string_view key, policy::MonoTime now) const {
  const auto why = why_not_stored(key);
  return why && now < why->until;
}

std::optional<FillTable::NotStored> FillTable::why_not_stored(std::string_view key) const {
  const auto& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.unshared.find(key);
  return at == shard.unshared.end() ? std::nullopt : std::optional(at->second);
}

std::optional<FillTable::NotStored> FillTable::why_not_stored(
    const std::function<bool(std::string_view)>& is_meant) const {
  std::optional<NotStored> latest;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [key, why] : shard.unshared) {
      if ((!latest || why.when > latest->when) && is_meant(key)) latest = why;
    }
  }
  return latest;
}

void FillTable::remember_unshared(std::string_view key, const NotStored& why) {
  auto& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  // Forgetting costs one wait; remembering without a bound would cost memory.
  if (shard.unshared.size() >= most_remembered) shard.unshared.clear();
  shard.unshared.insert_or_assign(std::string(key), why);
}

void FillTable::forget_unshared(std::string_view key) {
  auto& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.unshared.find(key);
  if (at != shard.unshared.end()) shard.unshared.erase(at);
}

std::size_t FillTable::running() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.running.size();
  }
  return sum;
}

}  // namespace larder::fill
