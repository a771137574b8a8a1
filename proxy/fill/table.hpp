// The fills under way, by key, and which keys are not worth waiting for.
//
// Threading: from any loop; sharded, short critical sections. Both tables are bounded: running fills by the
// number of connections and background fetches, the memory of unshared keys by `most_remembered`.
#pragma once

#include "fill/fill.hpp"
#include "store/write_log.hpp"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace larder::fill {

enum class Role : std::uint8_t {
  lead,    // a new fill, in the table: begin it
  follow,  // one that is under way
  alone,   // a new fill that nobody else joins: the last answer for this key could not be shared
};

struct Joined {
  Role role = Role::lead;
  std::shared_ptr<Fill> fill;
};

class FillTable {
 public:
  explicit FillTable(store::WriteLog& writes) : writes_(writes) {}

  /// A fill called `name`: the one under way unless a write has made it void or `anew` asks for one that
  /// begins now, else a new one. Alone, under no name, where the answers for the primary key `key` are known
  /// not to be shared.
  [[nodiscard]] Joined join(std::string_view key, std::string_view name, std::uint64_t path_hash,
                            std::uint64_t route_hash, bool anew, policy::MonoTime now);
  /// The fill is over: later requests begin another. No effect where another has taken its place.
  void leave(std::string_view name, const std::shared_ptr<Fill>& fill);

  /// Why the last answer for a primary key could not be shared, or was not stored.
  struct NotStored {
    policy::Detail detail = policy::Detail::none;
    policy::MonoTime when;
    policy::MonoTime until;  // so long nobody waits for another's answer (hit-for-miss); may be `when`
  };
  void remember_unshared(std::string_view key, const NotStored& why);
  /// An answer for the key was shared.
  void forget_unshared(std::string_view key);
  [[nodiscard]] std::optional<NotStored> why_not_stored(std::string_view key) const;
  /// The latest of those whose key the predicate accepts.
  [[nodiscard]] std::optional<NotStored> why_not_stored(
      const std::function<bool(std::string_view)>& is_meant) const;

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
  struct Shard {
    mutable std::mutex mutex;
    Table<std::shared_ptr<Fill>> running;
    Table<NotStored> unshared;
  };
  static constexpr std::size_t shard_count = 16;
  static constexpr std::size_t most_remembered = 1024;  // in a shard

  [[nodiscard]] bool is_unshared(std::string_view key, policy::MonoTime now) const;
  [[nodiscard]] Shard& shard_of(std::string_view key) noexcept {
    return shards_[TransparentHash{}(key) % shard_count];
  }
  [[nodiscard]] const Shard& shard_of(std::string_view key) const noexcept {
    return shards_[TransparentHash{}(key) % shard_count];
  }

  store::WriteLog& writes_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace larder::fill
