// The fills under way, by key, and what the last ones taught: which keys are not worth waiting for, and which
// cannot be fetched at the moment.
//
// Threading: from any loop; sharded, short critical sections. Every table is bounded: running fills by the
// number of connections and background fetches, the memories by `max_remembered`.
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
  lead,         // a new fill, in the table: begin it
  follow,       // one that is under way
  uncollapsed,  // a new fill that no other request joins: the last response for this key was not shareable
  retry_after_current,  // two fills that began too early are under way: wait for the younger, then join again
};

class FillTable;

/// The right, and the duty, to settle a fill. Given up on any path it fails the fill, which releases the
/// waiters. Moved from, or made without a fill, it is empty. Threading: any thread, one at a time.
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
  /// Takes the fill out of the table and ends it. Once; the permit is empty afterwards, the fill is still
  /// referred to.
  void settle(Result result) noexcept;
  /// Ends a fill that was to be led and is not needed: `found` was stored meanwhile, and whoever has joined
  /// gets it.
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

  FillTable* table_ = nullptr;  // nullptr: settled, or none
  Counter* running_ = nullptr;
  std::string name_;
  std::shared_ptr<Fill> fill_;
};

struct Joined {
  Role role = Role::lead;
  std::shared_ptr<Fill> fill;
  Permit permit;  // of who leads it, or is alone
};

class FillTable {
 public:
  FillTable(store::InvalidationLog& invalidations, const store::PurgeLog& purges)
      : invalidations_(invalidations), purges_(purges) {}

  /// A fill called `name`: the one under way unless a write or a purge has made it void or it began before
  /// `since`, else a new one. Alone, under no name, where the answers for the primary key `key` are known not
  /// to be shared. Of those who ask for what begins after them, two fills are under way at a time at the
  /// most: the others wait for the younger one's end and share the next. One that began less than `young` ago
  /// is good enough for them too.
  [[nodiscard]] Joined join(std::string_view key, std::string_view name, std::uint64_t path_hash,
                            std::uint64_t route_hash, policy::Sequence since, policy::MonoTime now,
                            policy::Millis young = policy::Millis{0});
  /// Why the last answer for a primary key could not be shared, or was not stored.
  struct NotStored {
    policy::Detail detail = policy::Detail::none;
    policy::MonoTime when;
    policy::MonoTime until;  // so long nobody waits for another's answer (hit-for-miss); may be `when`
  };
  /// Without memory, nothing is remembered.
  void remember_unshared(std::string_view key, const NotStored& why) noexcept;
  /// An answer for the key was shared.
  void forget_unshared(std::string_view key) noexcept;
  [[nodiscard]] std::optional<NotStored> why_not_stored(std::string_view key) const;
  /// The latest of those whose key the predicate accepts.
  [[nodiscard]] std::optional<NotStored> why_not_stored(
      const std::function<bool(std::string_view)>& is_meant) const;

  /// A fetch for a key has failed: for a while that grows while it goes on failing, nobody who can be
  /// answered without waits for the next one.
  void failed(std::string_view key, policy::Trouble trouble, policy::MonoTime now) noexcept;
  void succeeded(std::string_view key) noexcept;
  struct Failing {
    policy::Trouble trouble = policy::Trouble::disconnected;
    policy::Millis wait{0};
    policy::MonoTime until;  // then it may be tried again
  };
  [[nodiscard]] std::optional<Failing> failing(std::string_view key) const;

  [[nodiscard]] std::size_t running() const;

 private:
  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class T>
  using Table = std::unordered_map<std::string, T, TransparentHash, std::equal_to<>>;
  struct Running {
    std::shared_ptr<Fill> fill;
    policy::MonoTime begun;
    std::weak_ptr<Fill> before;  // the one whose place it took, though no write had made that void
  };
  struct Shard {
    mutable std::mutex mutex;
    Table<Running> running;
    Table<NotStored> unshared;
    Table<Failing> failing;
  };
  static constexpr std::size_t shard_count = 16;
  static constexpr std::size_t max_remembered = 1024;  // in a shard, of each kind
  static constexpr policy::Millis first_wait{1000};    // after a failure
  static constexpr policy::Millis max_wait{15'000};

  friend class Permit;
  // The fill is over: later requests begin another. No effect where another has taken its place.
  void leave(std::string_view name, const std::shared_ptr<Fill>& fill) noexcept;
  [[nodiscard]] bool is_unshared(std::string_view key, policy::MonoTime now) const;
  [[nodiscard]] Shard& shard_of(std::string_view key) noexcept {
    return shards_[TransparentHash{}(key) % shard_count];
  }
  [[nodiscard]] const Shard& shard_of(std::string_view key) const noexcept {
    return shards_[TransparentHash{}(key) % shard_count];
  }

  store::InvalidationLog& invalidations_;
  const store::PurgeLog& purges_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace larder::cache
