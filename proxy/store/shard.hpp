// One shard of the store: a hash table, a SIEVE queue, and the fetches under way. For store.cpp alone. Every
// member but the mutex is guarded by the mutex.
#pragma once

#include "policy/key.hpp"
#include "store/store.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace larder::store {

inline constexpr std::size_t max_changes = 16'384;  // recorded per shard while responses are restored
inline constexpr std::size_t max_newer = 16;        // final responses recorded for one fetch

// Keys of the table are hashes, so the identity serves as hash function.
struct Identity {
  using is_avalanching = void;
  std::size_t operator()(std::uint64_t hash) const noexcept { return hash; }
};

struct Store::Shard {
  // An element of the SIEVE queue.
  struct Node {
    std::uint64_t hash = 0;
    std::size_t charge = 0;
    Node* newer = nullptr;
    Node* older = nullptr;
  };
  // An element of the table, with all that a hit needs, so that it does not access a Node.
  struct Place {
    std::shared_ptr<const Entry> entry;
    bool visited = false;
    std::unique_ptr<Node> node;
  };

  mutable std::mutex mutex;
  boost::unordered_flat_map<std::uint64_t, Place, Identity> table;
  Node* newest = nullptr;
  Node* oldest = nullptr;
  Node* hand = nullptr;
  std::vector<Pending*> pending;  // unordered; few fetches are under way at a time

  // While responses are restored: the last change of each key, by its hash. If there are too many, every key
  // counts as changed.
  std::unordered_map<std::uint64_t, policy::Sequence> changed;
  bool all_changed = false;
  // Without memory to record the change, every key counts as changed.
  void note_change(std::uint64_t hash, policy::Sequence sequence) noexcept {
    if (all_changed) return;
    try {
      if (changed.size() < max_changes) {
        auto& last = changed[hash];
        last = std::max(last, sequence);
        return;
      }
    } catch (const std::exception&) {
    }
    all_changed = true;
    changed.clear();
  }
  [[nodiscard]] bool has_changed_since(std::uint64_t hash, policy::Sequence sequence) const {
    const auto at = changed.find(hash);
    return all_changed || (at != changed.end() && at->second > sequence);
  }

  // Marks fetches under way as outdated. Without space or memory for another secondary key, a fetch is
  // outdated whatever the secondary key of its response is.
  void outdate(std::uint64_t hash, policy::Sequence sequence,
               const std::optional<policy::SecondaryKey>& secondary) noexcept {
    for (auto* fetch : pending) {
      if (fetch->hash_ != hash || fetch->sequence_ >= sequence) continue;
      try {
        if (secondary && fetch->newer_.size() < max_newer) {
          fetch->newer_.push_back(*secondary);
          continue;
        }
      } catch (const std::exception&) {
      }
      fetch->is_outdated_ = true;
    }
  }

  Place* find(std::string_view key, std::uint64_t hash) noexcept {
    const auto at = table.find(hash);
    // Keys with the same 64-bit hash share a place; the last one stored occupies it.
    return at != table.end() && at->second.entry->key == key ? &at->second : nullptr;
  }
  // The place of that hash. A new one is linked as the newest and has no entry yet, which the caller sets. If
  // an allocation fails, nothing has changed.
  Place& place(std::uint64_t hash) {
    if (const auto at = table.find(hash); at != table.end()) return at->second;
    auto node = std::make_unique<Node>();
    node->hash = hash;
    auto& added = table[hash];
    added.node = std::move(node);
    link_newest(*added.node);
    return added;
  }

  Place& place_of(const Node& node) noexcept { return table.find(node.hash)->second; }

  void link_newest(Node& node) noexcept {
    node.older = newest;
    node.newer = nullptr;
    (newest != nullptr ? newest->newer : oldest) = &node;
    newest = &node;
  }

  void unlink(Node& node) noexcept {
    if (hand == &node) hand = node.newer;
    (node.newer != nullptr ? node.newer->older : newest) = node.older;
    (node.older != nullptr ? node.older->newer : oldest) = node.newer;
  }

  // Removes a node and its place in the table. The entry is returned so that the caller can release it after
  // unlocking.
  std::shared_ptr<const Entry> take(Node& node) noexcept {
    unlink(node);
    const auto at = table.find(node.hash);
    auto entry = std::move(at->second.entry);
    table.erase(at);
    return entry;
  }

  // SIEVE: the first entry, from the hand towards the newest, that was not used since the hand last passed
  // it.
  Node* victim() noexcept {
    if (oldest == nullptr) return nullptr;
    Node* at = hand != nullptr ? hand : oldest;
    while (std::exchange(place_of(*at).visited, false)) at = at->newer != nullptr ? at->newer : oldest;
    hand = at;
    return at;
  }
};

}  // namespace larder::store
