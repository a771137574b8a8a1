// The store: primary key to Entry, under a budget of bytes.
//
// Model: a fixed number of shards, each a hash table and a SIEVE queue behind one mutex. A hit locks its
// shard for a table look-up, a flag and a reference count; nothing is moved or allocated. SIEVE (one flag an
// entry, a hand that sweeps from the oldest) keeps what is asked for again and needs no reordering on a hit.
// Invariants: the sum of charges is at most the budget once `put` has returned; an Entry is never changed,
// only replaced. Threading: every member function may be called from any thread. No two shards are locked at
// a time.
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
  /// `memory` and the charge of an entry are in bytes; `variants` bounds the responses of one key.
  /// `seed` is of the hash; 0 = one of its own.
  Store(std::size_t memory, std::size_t variants, std::size_t shards = default_shards,
        std::uint64_t seed = 0);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Called after an entry was stored, replaced or removed, on whichever thread did it, without a lock held:
  /// what is there now is to be looked up. Set before the store is used.
  using Changed = std::function<void(const std::string& key, std::uint64_t hash)>;
  void on_change(Changed changed) { changed_ = std::move(changed); }

  /// What was fetched before a purge is not stored after it. Set before the store is used; outlives it.
  void heed(const PurgeLog& purges) { purges_ = &purges; }

  /// The hash that the functions below want for a key. Seeded against those who would choose keys that
  /// collide.
  [[nodiscard]] std::uint64_t hash(std::string_view key) const noexcept;

  /// The entry of that key or nullptr; counts as a use.
  [[nodiscard]] std::shared_ptr<const Entry> find(std::string_view key, std::uint64_t hash) noexcept;

  /// The same, for larder's own purposes: no use.
  [[nodiscard]] std::shared_ptr<const Entry> peek(std::string_view key, std::uint64_t hash) const noexcept;

  class Pending;
  enum class Put : std::uint8_t {
    stored,
    too_large,  // it alone exceeds the budget; nothing has changed
    outdated,   // a later fetch's response is stored for the request, or has ended what was, or a purge has
                // come since the fetch began; nothing has changed
  };
  /// Stores a response under its key: in place of the one with the same secondary key, or beside the others,
  /// the oldest of which leaves when there are too many. `request` is the one that it answers: what is stored
  /// for that too, under another secondary key (the response's Vary has changed), leaves where it was fetched
  /// earlier. nullptr = not known. `pending` is the fetch that brought it; nullptr = none that took time.
  [[nodiscard]] Put put(std::string_view key, std::uint64_t hash, std::shared_ptr<const Response> response,
                        const policy::RequestFacts* request = nullptr, const Pending* pending = nullptr);

  /// A newer final response, which is not stored, has taken the place of what is stored for a request: erases
  /// that, unless its fetch began later than `began`; and `outdate`, as one step. `secondary` is the final
  /// response's; nullopt (Vary: *) counts for every request.
  void supersede(std::string_view key, std::uint64_t hash, const policy::RequestFacts& request,
                 policy::Sequence sequence, const std::optional<policy::SecondaryKey>& secondary);
  /// What a fetch of the key brings that began before `began` and is still under way will not be stored, if
  /// some request has both its response's secondary key and this one.
  void outdate(std::uint64_t hash, policy::Sequence sequence,
               const std::optional<policy::SecondaryKey>& secondary);

  /// A fetch under way, from before its request is sent until its response is stored or dropped. The
  /// store outlives it. Made and destroyed on any thread.
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
    // Of newer final responses; guarded by the shard.
    std::vector<policy::SecondaryKey> newer_;
  };

  /// While responses of an earlier process are restored, `put` and `supersede` remember which keys they
  /// changed, so that an older response is not restored after a newer one has come and gone. Begin before the
  /// store is used.
  void begin_restore() noexcept { restoring_.store(true, std::memory_order_release); }
  void end_restore();
  /// Stores a response of an earlier process beside what is there.
  [[nodiscard]] Put restore(std::string_view key, std::uint64_t hash,
                            std::shared_ptr<const Response> response);

  /// Counts anew what an entry takes, after something was derived from a response of it.
  void recharge(std::string_view key, std::uint64_t hash);

  /// Erases an entry that was found, unless another has taken its place.
  void erase(std::string_view key, std::uint64_t hash, const Entry& found) noexcept;
  /// Erases of a key what was fetched before `number`.
  void erase_older(std::string_view key, std::uint64_t hash, policy::Sequence number);
  /// Erases what the predicate names, shard by shard; returns how many entries.
  std::size_t erase_if(const std::function<bool(const Entry&)>& predicate);

  /// Visits every entry there is, shard by shard, without a lock held.
  void each(const std::function<void(const Entry&)>& visit) const;
  /// The same of one shard: with many entries the whole would hold a loop up.
  void each_in(std::size_t shard, const std::function<void(const Entry&)>& visit) const;
  [[nodiscard]] std::size_t shards() const noexcept { return shards_.size(); }

  /// A smaller budget evicts at once.
  void set_limits(std::size_t memory, std::size_t variants);

  [[nodiscard]] StoreStats stats() const noexcept;

 private:
  struct Shard;
  [[nodiscard]] Shard& shard_of(std::uint64_t hash) const noexcept;
  // Erases the responses of a key that the predicate names, under the shard's lock.
  template <class Predicate>
  std::shared_ptr<const Entry> erase_variants(Shard& shard, std::string_view key, std::uint64_t hash,
                                              Predicate is_meant);
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
