// When an entry that is kept warm is fetched again: pure, so that days of it can be tried in a moment.
//
// A refresh begins early enough to be done before the entry expires, but never sooner than a ttl after the
// last one began. Where readers come in a rhythm that leaves the entry unread for longer than it lives, one
// refresh a poll is enough: it begins shortly before the next one is due. Where nobody has asked for a while,
// there is none.
#pragma once

#include "policy/time.hpp"

#include <array>
#include <optional>
#include <span>

namespace larder::cache {

using policy::Millis;
using policy::MonoTime;

struct RefreshInput {
  Millis ttl{0};
  Millis keep_warm{0};
  MonoTime requested;               // when the last fetch began
  MonoTime fresh_until;             // of what it brought
  Millis fetch{0};                  // how long a fetch takes, but for the slowest few
  double jitter = 0;                // in [0, 1): entries that were fetched together part
  std::span<const MonoTime> asked;  // by readers; oldest first
};

/// When the next refresh begins; nullopt: not at all, as nobody has asked for `keep_warm` by then.
[[nodiscard]] std::optional<MonoTime> next_refresh(const RefreshInput& warmth);

/// The latest moment at which a refresh of an entry that is read all the time begins: then it is decided
/// whether there is one.
[[nodiscard]] MonoTime decision_time(const RefreshInput& warmth);

/// The period that the readers' marks repeat themselves with (several readers may share it, each at its own
/// moment); nullopt where they do not, or not often enough yet.
[[nodiscard]] std::optional<Millis> period_of(std::span<const MonoTime> asked, Millis tolerance);

/// How long the fetches of one key took, the last ones.
class FetchTimes {
 public:
  void add(Millis time) noexcept;
  /// The 95th percentile (nearest rank); 0 before the first.
  [[nodiscard]] Millis p95() const;

 private:
  static constexpr std::size_t most = 32;
  std::array<Millis, most> times_{};
  std::size_t count_ = 0;
};

}  // namespace larder::cache
