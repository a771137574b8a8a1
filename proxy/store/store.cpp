#include "store/store.hpp"

#include "store/shard.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <random>
#include <utility>

namespace larder::store {

namespace {

bool same_secondary(const policy::SecondaryKey& a, const policy::SecondaryKey& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.name == y.name && x.value == y.value;
         });
}

// Without memory to compare the fields, true.
bool may_match(const policy::SecondaryKey& key, const policy::RequestFacts& request) noexcept {
  try {
    return policy::matches(key, request);
  } catch (const std::exception&) {
    return true;
  }
}

}  // namespace

Store::Store(std::size_t memory, std::size_t variants, std::size_t shards, std::uint64_t seed)
    : memory_(memory), variants_(std::max<std::size_t>(variants, 1)), seed_(seed) {
  if (seed_ == 0) {
    std::random_device random;
    seed_ = (std::uint64_t{random()} << 32) | random();
  }
  shards_.reserve(shards);
  for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<Shard>());
}

Store::~Store() = default;

std::uint64_t Store::hash(std::string_view key) const noexcept {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

Store::Shard& Store::shard_of(std::uint64_t hash) const noexcept {
  // The table uses the low and the high bits, so the shard is selected by bits from the middle.
  return *shards_[(hash >> 24) % shards_.size()];
}

std::shared_ptr<const Entry> Store::find(std::string_view key, std::uint64_t hash) noexcept {
  auto& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  auto* place = shard.find(key, hash);
  if (place == nullptr) return nullptr;
  place->visited = true;
  return place->entry;
}

std::shared_ptr<const Entry> Store::peek(std::string_view key, std::uint64_t hash) const noexcept {
  auto& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const auto* place = shard.find(key, hash);
  return place == nullptr ? nullptr : place->entry;
}

Store::Pending::Pending(Store& store, std::uint64_t hash, policy::Sequence sequence)
    : store_(store), hash_(hash), sequence_(sequence) {
  auto& shard = store_.shard_of(hash_);
  const std::lock_guard lock(shard.mutex);
  shard.pending.push_back(this);
}

Store::Pending::~Pending() {
  auto& shard = store_.shard_of(hash_);
  const std::lock_guard lock(shard.mutex);
  auto& pending = shard.pending;
  *std::find(pending.begin(), pending.end(), this) = pending.back();
  pending.pop_back();
}

void Store::outdate(std::uint64_t hash, policy::Sequence sequence,
                    const std::optional<policy::SecondaryKey>& secondary) noexcept {
  auto& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  shard.outdate(hash, sequence, secondary);
  if (restoring_.load(std::memory_order_acquire)) shard.note_change(hash, sequence);
}

Store::Put Store::put(std::string_view key, std::uint64_t hash, std::shared_ptr<const Response> response,
                      const policy::RequestFacts* request, const Pending* pending) {
  return put(key, hash, std::move(response), request, pending, false);
}

Store::Put Store::restore(std::string_view key, std::uint64_t hash,
                          std::shared_ptr<const Response> response) {
  return put(key, hash, std::move(response), nullptr, nullptr, true);
}

void Store::end_restore() {
  restoring_.store(false, std::memory_order_release);
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    shard->changed = {};
    shard->all_changed = false;
  }
}

Store::Put Store::put(std::string_view key, std::uint64_t hash, std::shared_ptr<const Response> response,
                      const policy::RequestFacts* request, const Pending* pending, bool is_restored) {
  const auto alone = Entry::overhead + key.size() + response->charge();
  if (alone > memory_.load(std::memory_order_relaxed)) return Put::too_large;
  const auto most = variants_.load(std::memory_order_relaxed);

  auto entry = std::make_shared<Entry>();
  entry->key = key;
  std::shared_ptr<const Entry> replaced;  // released after unlocking
  auto& shard = shard_of(hash);
  {
    const std::lock_guard lock(shard.mutex);
    entry->variants.push_back(std::move(response));
    const auto& added = *entry->variants.front();
    // Checked under the lock: a purge that is added to the log later will visit this shard after that, and
    // find the response.
    if (purges_ != nullptr && purges_->is_invalidated(added.sequence, key, added.groups))
      return Put::outdated;
    if (is_restored && shard.has_changed_since(hash, added.sequence)) return Put::outdated;
    if (pending != nullptr &&
        (pending->is_outdated_ ||
         std::any_of(pending->newer_.begin(), pending->newer_.end(),
                     [&](const auto& newer) { return policy::are_compatible(newer, added.secondary); })))
      return Put::outdated;
    const auto is_replaced = [&](const Response& other) {
      return same_secondary(other.secondary, added.secondary) ||
             (request != nullptr && policy::matches(other.secondary, *request));
    };
    if (const auto* place = shard.find(key, hash)) {
      for (const auto& other : place->entry->variants) {
        const bool replaced_by_it = is_replaced(*other);
        if (replaced_by_it && other->sequence > added.sequence) return Put::outdated;
        if (!replaced_by_it && entry->variants.size() < most) entry->variants.push_back(other);
      }
    }
    if (!is_restored && restoring_.load(std::memory_order_acquire)) shard.note_change(hash, added.sequence);
    const auto charge = entry->charge();
    auto& place = shard.place(hash);
    if (place.entry)
      bytes_.fetch_sub(place.node->charge, std::memory_order_relaxed);
    else
      entries_.fetch_add(1, std::memory_order_relaxed);
    replaced = std::exchange(place.entry, entry);
    place.node->charge = charge;
    bytes_.fetch_add(charge, std::memory_order_relaxed);
  }
  if (changed_) {
    changed_(entry->key, hash);
    if (replaced && replaced->key != entry->key) changed_(replaced->key, hash);
  }
  evict_to_budget();
  return Put::stored;
}

template <class Predicate>
std::shared_ptr<const Entry> Store::erase_variants(Shard& shard, std::string_view key, std::uint64_t hash,
                                                   Predicate is_meant) noexcept {
  auto* place = shard.find(key, hash);
  if (place == nullptr) return nullptr;
  const auto& variants = place->entry->variants;
  const auto erased = std::count_if(variants.begin(), variants.end(),
                                    [&](const auto& variant) { return is_meant(*variant); });
  if (erased == 0) return nullptr;
  std::shared_ptr<Entry> entry;
  if (static_cast<std::size_t>(erased) < variants.size()) {
    try {
      auto made = std::make_shared<Entry>();
      for (const auto& variant : variants) {
        if (!is_meant(*variant)) made->variants.push_back(variant);
      }
      made->key = key;
      if (!made->variants.empty()) entry = std::move(made);
    } catch (const std::exception&) {
    }
  }
  if (!entry) {
    bytes_.fetch_sub(place->node->charge, std::memory_order_relaxed);
    entries_.fetch_sub(1, std::memory_order_relaxed);
    return shard.take(*place->node);
  }
  const auto charge = entry->charge();
  bytes_.fetch_add(charge - place->node->charge, std::memory_order_relaxed);
  place->node->charge = charge;
  return std::exchange(place->entry, std::move(entry));
}

void Store::supersede(std::string_view key, std::uint64_t hash, const policy::RequestFacts& request,
                      policy::Sequence sequence,
                      const std::optional<policy::SecondaryKey>& secondary) noexcept {
  std::shared_ptr<const Entry> replaced;
  auto& shard = shard_of(hash);
  {
    const std::lock_guard lock(shard.mutex);
    shard.outdate(hash, sequence, secondary);
    if (restoring_.load(std::memory_order_acquire)) shard.note_change(hash, sequence);
    replaced = erase_variants(shard, key, hash, [&](const Response& variant) {
      return variant.sequence <= sequence && may_match(variant.secondary, request);
    });
  }
  if (replaced && changed_) changed_(replaced->key, hash);
}

void Store::erase_older(std::string_view key, std::uint64_t hash, policy::Sequence number) noexcept {
  std::shared_ptr<const Entry> replaced;
  auto& shard = shard_of(hash);
  {
    const std::lock_guard lock(shard.mutex);
    replaced =
        erase_variants(shard, key, hash, [&](const Response& variant) { return variant.sequence < number; });
  }
  if (replaced && changed_) changed_(replaced->key, hash);
}

void Store::evict_to_budget() {
  // The shards take turns, so that the hands move through the whole store evenly. Ends if all shards are
  // empty.
  std::size_t empty_turns = 0;
  while (bytes_.load(std::memory_order_relaxed) > memory_.load(std::memory_order_relaxed) &&
         empty_turns < shards_.size()) {
    auto& shard = *shards_[next_victim_.fetch_add(1, std::memory_order_relaxed) % shards_.size()];
    std::shared_ptr<const Entry> gone;
    std::uint64_t hash = 0;
    {
      const std::lock_guard lock(shard.mutex);
      auto* node = shard.victim();
      if (node == nullptr) {
        ++empty_turns;
        continue;
      }
      empty_turns = 0;
      bytes_.fetch_sub(node->charge, std::memory_order_relaxed);
      entries_.fetch_sub(1, std::memory_order_relaxed);
      evictions_.fetch_add(1, std::memory_order_relaxed);
      hash = node->hash;
      gone = shard.take(*node);
    }
    if (changed_) changed_(gone->key, hash);
  }
}

void Store::recharge(std::string_view key, std::uint64_t hash) {
  auto& shard = shard_of(hash);
  {
    const std::lock_guard lock(shard.mutex);
    auto* place = shard.find(key, hash);
    if (place == nullptr) return;
    const auto charge = place->entry->charge();
    bytes_.fetch_add(charge - place->node->charge, std::memory_order_relaxed);
    place->node->charge = charge;
  }
  evict_to_budget();
}

void Store::replace(std::uint64_t hash, const Entry& found, std::shared_ptr<const Entry> by) noexcept {
  auto& shard = shard_of(hash);
  const auto charge = by->charge();
  std::shared_ptr<const Entry> replaced;  // released after unlocking
  {
    const std::lock_guard lock(shard.mutex);
    auto* place = shard.find(found.key, hash);
    if (place == nullptr || place->entry.get() != &found) return;
    bytes_.fetch_add(charge - place->node->charge, std::memory_order_relaxed);
    place->node->charge = charge;
    replaced = std::exchange(place->entry, std::move(by));
  }
  if (changed_) changed_(replaced->key, hash);
}

void Store::erase(std::string_view key, std::uint64_t hash, const Entry& found) noexcept {
  auto& shard = shard_of(hash);
  std::shared_ptr<const Entry> gone;
  {
    const std::lock_guard lock(shard.mutex);
    const auto* place = shard.find(key, hash);
    if (place == nullptr || place->entry.get() != &found) return;
    bytes_.fetch_sub(place->node->charge, std::memory_order_relaxed);
    entries_.fetch_sub(1, std::memory_order_relaxed);
    gone = shard.take(*place->node);
  }
  if (changed_) changed_(gone->key, hash);
}

std::size_t Store::erase_if(const std::function<bool(const Entry&)>& predicate) {
  std::size_t erased = 0;
  for (const auto& shard : shards_) {
    std::vector<std::shared_ptr<const Entry>> gone;
    {
      const std::lock_guard lock(shard->mutex);
      for (auto* node = shard->oldest; node != nullptr;) {
        auto* next = node->newer;
        if (predicate(*shard->place_of(*node).entry)) {
          bytes_.fetch_sub(node->charge, std::memory_order_relaxed);
          entries_.fetch_sub(1, std::memory_order_relaxed);
          gone.push_back(shard->take(*node));
        }
        node = next;
      }
    }
    erased += gone.size();
    if (!changed_) continue;
    for (const auto& entry : gone) changed_(entry->key, hash(entry->key));
  }
  return erased;
}

void Store::each(const std::function<void(const Entry&)>& visit) const {
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) each_in(shard, visit);
}

void Store::each_in(std::size_t index, const std::function<void(const Entry&)>& visit) const {
  auto& shard = *shards_[index];
  std::vector<std::shared_ptr<const Entry>> entries;
  {
    const std::lock_guard lock(shard.mutex);
    entries.reserve(shard.table.size());
    for (const auto* node = shard.newest; node != nullptr; node = node->older)
      entries.push_back(shard.place_of(*node).entry);
  }
  for (const auto& entry : entries) visit(*entry);
}

void Store::set_limits(std::size_t memory, std::size_t variants) {
  memory_.store(memory, std::memory_order_relaxed);
  variants_.store(std::max<std::size_t>(variants, 1), std::memory_order_relaxed);
  evict_to_budget();
}

StoreStats Store::stats() const noexcept {
  return {entries_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed),
          evictions_.load(std::memory_order_relaxed)};
}

}  // namespace larder::store
