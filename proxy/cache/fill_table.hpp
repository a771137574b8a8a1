// The fills under way, by name, and what is remembered of earlier ones: the keys whose responses were not
// shared, and those whose fetches failed.
//
// Callable from any loop; sharded, with short critical sections. Every table is bounded: running fills by the
// number of connections and background fetches, the others by `max_remembered`. Keys are remembered as
// hashes, since clients choose how long and how many they are; the hash is seeded, so that nobody can make
// two keys share one.
#pragma once

#include "cache/fill.hpp"
#include "policy/decide.hpp"
#include "store/invalidation_log.hpp"
#include "store/purge_log.hpp"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace larder::cache {

enum class Role : std::uint8_t {
  lead,         // a new fill, in the table: the caller begins it
  follow,       // a fill that is under way
  uncollapsed,  // a new fill that no other request joins: the last response for this key was not shareable
  retry_after_current,  // two fills that began too early are under way: wait for the younger, then join again
};

class FillTable;

/// The right and the duty to settle a fill. If it is destroyed before, it fails the fill, which releases the
/// waiters. Empty if moved from or default-constructed. Usable on any thread, by one at a time.
class Permit {
 public:
  Permit() noexcept = default;
  Permit(Permit&& other) noexcept { swap(other); }
  Permit& operator=(Permit&& other) noexcept {
    Permit(std::move(other)).swap(*this);
    return *this;
  }
  ~Permit();

  [[nodiscard]] Fill& fill() const noexcept { return *fill_; }
  /// Counts the fill as running until it is settled.
  void count(Counter& running) noexcept;
  /// Removes the fill from the table and settles it. Only the first call has an effect. The fill itself
  /// remains accessible.
  void settle(Result result) noexcept;
  /// Settles a fill that is not needed, because `found` was stored meanwhile: its waiters get that.
  void give_up(std::shared_ptr<const store::Response> found) noexcept;

 private:
  friend class FillTable;
  Permit(FillTable& table, std::string name, std::shared_ptr<Fill> fill) noexcept
      : table_(&table), name_(std::move(name)), fill_(std::move(fill)) {}
  void swap(Permit& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(running_, other.running_);
    name_.swap(other.name_);
    fill_.swap(other.fill_);
  }

  FillTable* table_ = nullptr;  // nullptr = settled, or empty
  Counter* running_ = nullptr;
  std::string name_;
  std::shared_ptr<Fill> fill_;
};

struct Joined {
  Role role = Role::lead;
  std::shared_ptr<Fill> fill;
  Permit permit;  // for Role::lead and Role::uncollapsed
};

class FillTable {
 public:
  FillTable(store::InvalidationLog& invalidations, const store::PurgeLog& purges)
      : invalidations_(invalidations), purges_(purges) {}

  /// Joins the fill `name` that is under way, unless it has been invalidated or purged or began before
  /// `since`; otherwise begins a new one. If responses for `memory` (as for `remember_unshared`) are known
  /// not to be shared, the new fill is uncollapsed. `key` is the primary key. For requests with `since`, at
  /// most two fills of a name are under way: further requests wait for the younger one to end and share the
  /// next. A fill that began less than `young` ago is joined in any case.
  [[nodiscard]] Joined join(std::string_view key, std::uint64_t memory, std::string_view name,
                            std::uint64_t path_hash, std::uint64_t route_hash, policy::Sequence since,
                            policy::MonoTime now, policy::Millis young = policy::Millis{0});
  /// Why the last response for a primary key could not be shared, or was not stored.
  struct NotStored {
    policy::Detail detail = policy::Detail::none;
    policy::MonoTime when;
    policy::MonoTime until;         // until then requests are not collapsed (hit-for-miss); may be `when`
    std::uint64_t target_hash = 0;  // of the key's path and query
  };
  /// `memory` is the hash of the key (Cache::memory_of). Without memory for it, nothing is remembered.
  void remember_unshared(std::uint64_t memory, const NotStored& why) noexcept;
  /// A response for the key was shared.
  void forget_unshared(std::uint64_t memory) noexcept;
  [[nodiscard]] std::optional<NotStored> why_not_stored(std::uint64_t memory) const noexcept;
  /// The latest one of a path and query, whatever the host.
  [[nodiscard]] std::optional<NotStored> why_not_stored_at(std::uint64_t target_hash) const noexcept;

  /// A fetch for a key has failed. For some time, which grows with further failures, requests that can be
  /// answered from the store do not wait for the next fetch.
  void failed(std::uint64_t key_hash, policy::Trouble trouble, policy::MonoTime now) noexcept;
  void succeeded(std::uint64_t key_hash) noexcept;
  struct Failing {
    policy::Trouble trouble = policy::Trouble::disconnected;
    policy::Millis wait{0};
    policy::MonoTime until;  // then the next fetch may be waited for
  };
  [[nodiscard]] std::optional<Failing> failing(std::uint64_t key_hash) const noexcept;

  [[nodiscard]] std::size_t running() const;

 private:
  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class T>
  using Remembered = std::unordered_map<std::uint64_t, T>;
  struct Running {
    std::shared_ptr<Fill> fill;
    policy::MonoTime begun;
    std::weak_ptr<Fill> before;  // the valid fill that it replaced because of `since`
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Running, TransparentHash, std::equal_to<>> running;
    Remembered<NotStored> unshared;
    Remembered<Failing> failing;
  };
  static constexpr std::size_t shard_count = 16;
  static constexpr std::size_t max_remembered = 1024;  // per shard and table
  static constexpr policy::Millis first_wait{1000};    // after a failure
  static constexpr policy::Millis max_wait{15'000};

  friend class Permit;
  // Removes a fill that has ended. No effect if another one has replaced it.
  void leave(std::string_view name, const std::shared_ptr<Fill>& fill) noexcept;
  [[nodiscard]] bool is_unshared(std::uint64_t memory, policy::MonoTime now) const noexcept;
  [[nodiscard]] Shard& shard_of(std::uint64_t hash) noexcept { return shards_[(hash >> 24) % shard_count]; }
  [[nodiscard]] const Shard& shard_of(std::uint64_t hash) const noexcept {
    return shards_[(hash >> 24) % shard_count];
  }
  [[nodiscard]] Shard& shard_of_fill(std::string_view name) noexcept {
    return shard_of(TransparentHash{}(name));
  }

  store::InvalidationLog& invalidations_;
  const store::PurgeLog& purges_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace larder::cache
