// The store: maps primary keys to entries, within a limit of bytes.
//
// Model: a fixed number of shards, each with a hash table and a SIEVE queue under one mutex. A hit locks its
// shard for a table lookup, a flag and a reference count; it moves and allocates nothing. SIEVE (one flag per
// entry, and a hand that moves from the oldest entry) keeps entries that are used repeatedly and needs no
// reordering on a hit.
//
// Invariants: when `put` returns, the sum of charges does not exceed the limit; an Entry is never modified,
// only replaced. Every member function may be called from any thread. No thread locks two shards at a time.
#pragma once

#include "store/purge_log.hpp"
#include "store/response.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace larder::store {

struct StoreStats {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  std::uint64_t evictions = 0;
};

class Store {
 public:
  static constexpr std::size_t default_shards = 64;
  /// `memory` and charges are in bytes; `variants` is the maximum number of responses per key. `seed` is for
  /// the hash; 0 selects a random one.
  Store(std::size_t memory, std::size_t variants, std::size_t shards = default_shards,
        std::uint64_t seed = 0);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Called after an entry was stored, replaced or removed, on the thread that did it, without a lock held;
  /// the callee must look up the current entry, and must not throw. To be set before the store is used.
  using Changed = std::function<void(const std::string& key, std::uint64_t hash)>;
  void on_change(Changed changed) { changed_ = std::move(changed); }

  /// Responses fetched before a purge in `purges` are not stored. To be set before the store is used;
  /// `purges` must outlive the store.
  void heed(const PurgeLog& purges) { purges_ = &purges; }

  /// The hash of a key, for the functions below. Seeded, so that clients cannot choose keys that collide.
  [[nodiscard]] std::uint64_t hash(std::string_view key) const noexcept;

  /// The entry of that key, or nullptr. Counts as a use.
  [[nodiscard]] std::shared_ptr<const Entry> find(std::string_view key, std::uint64_t hash) noexcept;

  /// As `find`, but does not count as a use.
  [[nodiscard]] std::shared_ptr<const Entry> peek(std::string_view key, std::uint64_t hash) const noexcept;

  class Pending;
  enum class Put : std::uint8_t {
    stored,
    too_large,  // it alone exceeds the limit; nothing has changed
    outdated,   // a response of a later fetch is stored or has superseded the stored one, or a purge came
                // after the fetch started; nothing has changed
  };
  /// Stores a response. It replaces the one with the same secondary key, or is added as a variant; if there
  /// are too many, the oldest one is removed. `request` is the request that the response was fetched for:
  /// stored responses that match it under another secondary key (the response's Vary has changed) are removed
  /// if they were fetched earlier. nullptr if not known. `pending` is the fetch; nullptr if there was none.
  [[nodiscard]] Put put(std::string_view key, std::uint64_t hash, std::shared_ptr<const Response> response,
                        const policy::RequestFacts* request = nullptr, const Pending* pending = nullptr);

  /// Handles a newer final response that is not stored: erases the stored responses that match the request,
  /// unless their fetch started later than `sequence`, and calls `outdate`, atomically. `secondary` is the
  /// key of the final response; nullopt (Vary: *) applies to every request. Without memory to keep the other
  /// responses of the key, all are erased.
  void supersede(std::string_view key, std::uint64_t hash, const policy::RequestFacts& request,
                 policy::Sequence sequence, const std::optional<policy::SecondaryKey>& secondary) noexcept;
  /// Prevents fetches of the key that started before `sequence` and are still under way from storing their
  /// response, if some request matches both the secondary key of that response and `secondary`.
  void outdate(std::uint64_t hash, policy::Sequence sequence,
               const std::optional<policy::SecondaryKey>& secondary) noexcept;

  /// Registers a fetch, from before its request is sent until its response is stored or dropped. The store
  /// must outlive it. May be created and destroyed on any thread.
  class Pending {
   public:
    Pending(Store& store, std::uint64_t hash, policy::Sequence sequence);
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

   private:
    friend class Store;
    Store& store_;
    const std::uint64_t hash_;
    const policy::Sequence sequence_;
    // Guarded by the shard's mutex.
    std::vector<policy::SecondaryKey> newer_;  // secondary keys of newer final responses
    bool is_outdated_ = false;                 // by a newer one that matches every request
  };

  /// While responses of an earlier process are restored, `put` and `supersede` record which keys they
  /// changed, so that an older response is not restored after a newer one was stored and removed again. To be
  /// called before the store is used.
  void begin_restore() noexcept { restoring_.store(true, std::memory_order_release); }
  void end_restore();
  /// Stores a response of an earlier process, beside other variants.
  [[nodiscard]] Put restore(std::string_view key, std::uint64_t hash,
                            std::shared_ptr<const Response> response);

  /// Recomputes the charge of an entry, after a representation was derived from one of its responses.
  void recharge(std::string_view key, std::uint64_t hash);

  /// Replaces an entry that was found before by one with the same key, unless it has been replaced or removed
  /// meanwhile.
  void replace(std::uint64_t hash, const Entry& found, std::shared_ptr<const Entry> by) noexcept;
  /// Erases an entry that was found before, unless it has been replaced.
  void erase(std::string_view key, std::uint64_t hash, const Entry& found) noexcept;
  /// Erases the responses of a key that were fetched before `number`; without memory to keep the others, all.
  void erase_older(std::string_view key, std::uint64_t hash, policy::Sequence number) noexcept;
  /// Erases the entries for which the predicate is true, shard by shard; returns their number.
  std::size_t erase_if(const std::function<bool(const Entry&)>& predicate);

  /// Visits every entry, shard by shard, without a lock held.
  void each(const std::function<void(const Entry&)>& visit) const;
  /// Visits the entries of one shard: visiting all of a large store would block a loop for too long.
  void each_in(std::size_t shard, const std::function<void(const Entry&)>& visit) const;
  [[nodiscard]] std::size_t shards() const noexcept { return shards_.size(); }

  /// A smaller limit evicts entries at once.
  void set_limits(std::size_t memory, std::size_t variants);

  [[nodiscard]] StoreStats stats() const noexcept;

 private:
  struct Shard;
  [[nodiscard]] Shard& shard_of(std::uint64_t hash) const noexcept;
  // Erases the responses of a key for which the predicate is true; all, without memory for an entry of the
  // others. The shard must be locked. Returns the entry that was replaced or removed, nullptr if none was;
  // the caller releases it and reports the change after unlocking.
  template <class Predicate>
  std::shared_ptr<const Entry> erase_variants(Shard& shard, std::string_view key, std::uint64_t hash,
                                              Predicate is_meant) noexcept;
  void evict_to_budget();

  Put put(std::string_view key, std::uint64_t hash, std::shared_ptr<const Response> response,
          const policy::RequestFacts* request, const Pending* pending, bool is_restored);

  std::atomic<std::size_t> memory_;
  std::atomic<std::size_t> variants_;
  std::uint64_t seed_;
  std::atomic<bool> restoring_{false};
  Changed changed_;
  const PurgeLog* purges_ = nullptr;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> entries_{0};
  std::atomic<std::uint64_t> evictions_{0};
  std::atomic<std::size_t> next_victim_{0};
};

}  // namespace larder::store
