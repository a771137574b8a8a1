#include "cache/fill_table.hpp"

#include <algorithm>

namespace larder::cache {

Joined FillTable::join(std::string_view key, std::uint64_t memory, std::string_view name,
                       std::uint64_t path_hash, std::uint64_t route_hash, policy::Sequence since,
                       policy::MonoTime now, policy::Millis young) {
  if (is_unshared(memory, now)) {
    auto fill = std::make_shared<Fill>(invalidations_.next_sequence(), path_hash, route_hash);
    return {Role::uncollapsed, fill, Permit(*this, {}, fill)};
  }
  auto& shard = shard_of_fill(name);
  const std::lock_guard lock(shard.mutex);
  const auto running = shard.running.find(name);
  std::weak_ptr<Fill> before;
  if (running != shard.running.end()) {
    const auto& [fill, begun, older] = running->second;
    if (!invalidations_.is_invalidated(fill->sequence(), path_hash, route_hash) &&
        !purges_.may_concern(fill->sequence(), key)) {
      if (fill->sequence() >= since || now - begun < young) return {Role::follow, fill, {}};
      const auto other = older.lock();
      if (other && !other->is_settled()) return {Role::retry_after_current, fill, {}};
      before = fill;
    }
  }
  auto fill = std::make_shared<Fill>(invalidations_.next_sequence(), path_hash, route_hash);
  std::string owned(name);
  shard.running.insert_or_assign(owned, Running{fill, now, std::move(before)});
  // Nothing throws from here on, so that every fill in the table has a permit.
  return {Role::lead, fill, Permit(*this, std::move(owned), fill)};
}

void FillTable::leave(std::string_view name, const std::shared_ptr<Fill>& fill) noexcept {
  auto& shard = shard_of_fill(name);
  const std::lock_guard lock(shard.mutex);
  const auto running = shard.running.find(name);
  if (running != shard.running.end() && running->second.fill == fill) shard.running.erase(running);
}

Permit::~Permit() {
  // The reason fits into the string object, so nothing is allocated.
  settle(Failed{upstream::Failure{upstream::FailureKind::closed_early, {}, "abandoned"}});
}

void Permit::count(Counter& running) noexcept {
  running_ = &running;
  running_->add(1);
}

void Permit::settle(Result result) noexcept {
  if (table_ == nullptr) return;
  if (running_ != nullptr) running_->add(-1);
  std::exchange(table_, nullptr)->leave(name_, fill_);
  fill_->settle(std::move(result));
}

void Permit::give_up(std::shared_ptr<const store::Response> found) noexcept {
  Completed answer;
  answer.response = std::move(found);
  settle(std::move(answer));
}

bool FillTable::is_unshared(std::uint64_t memory, policy::MonoTime now) const noexcept {
  const auto why = why_not_stored(memory);
  return why && now < why->until;
}

std::optional<FillTable::NotStored> FillTable::why_not_stored(std::uint64_t memory) const noexcept {
  const auto& shard = shard_of(memory);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.unshared.find(memory);
  return at == shard.unshared.end() ? std::nullopt : std::optional(at->second);
}

std::optional<FillTable::NotStored> FillTable::why_not_stored_at(std::uint64_t target_hash) const noexcept {
  std::optional<NotStored> latest;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [memory, why] : shard.unshared) {
      if (why.target_hash == target_hash && (!latest || why.when > latest->when)) latest = why;
    }
  }
  return latest;
}

void FillTable::remember_unshared(std::uint64_t memory, const NotStored& why) noexcept {
  auto& shard = shard_of(memory);
  const std::lock_guard lock(shard.mutex);
  // Bounded. A key that is forgotten costs its next requests one wait.
  if (shard.unshared.size() >= max_remembered) shard.unshared.clear();
  try {
    shard.unshared.insert_or_assign(memory, why);
  } catch (const std::exception&) {
  }
}

void FillTable::forget_unshared(std::uint64_t memory) noexcept {
  auto& shard = shard_of(memory);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.unshared.find(memory);
  if (at != shard.unshared.end()) shard.unshared.erase(at);
}

void FillTable::failed(std::uint64_t key_hash, policy::Trouble trouble, policy::MonoTime now) noexcept {
  auto& shard = shard_of(key_hash);
  const std::lock_guard lock(shard.mutex);
  if (shard.failing.size() >= max_remembered) shard.failing.clear();
  try {
    auto& failing = shard.failing[key_hash];
    failing.trouble = trouble;
    failing.wait = std::clamp(failing.wait * 2, first_wait, max_wait);
    failing.until = now + failing.wait;
  } catch (const std::exception&) {
  }
}

void FillTable::succeeded(std::uint64_t key_hash) noexcept {
  auto& shard = shard_of(key_hash);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.failing.find(key_hash);
  if (at != shard.failing.end()) shard.failing.erase(at);
}

std::optional<FillTable::Failing> FillTable::failing(std::uint64_t key_hash) const noexcept {
  const auto& shard = shard_of(key_hash);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.failing.find(key_hash);
  return at == shard.failing.end() ? std::nullopt : std::optional(at->second);
}

std::size_t FillTable::running() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.running.size();
  }
  return sum;
}

}  // namespace larder::cache
