// What stands behind the cache's memory: consulted when a fill begins, and told what changes in memory and
// what is invalidated; never called on a hit.
//
// Threading: every member function from any thread; none of them waits.
#pragma once

#include "policy/purge.hpp"
#include "policy/stored.hpp"
#include "store/invalidation_log.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace larder::tiers {

/// All queries of a path, because of a write. `key` is the invalidation key, `//host/path`
/// (policy::write_target).
struct PathInvalidated {
  std::string_view key;
};
/// A route, because of a write that it lists in `invalidated_by`. `name` is the route's.
struct RouteInvalidated {
  std::string_view name;
};
/// A group of one origin, because a response to a write names it (RFC 9875): `name` is policy::group_name. Or
/// a route's responses with a binding, because of a write: `name` is policy::binding_written.
struct GroupInvalidated {
  std::string_view name;
};
/// Everything.
struct AllInvalidated {};
/// What an operator has purged. It also concerns what is not in memory.
struct Purged {
  const policy::Purge& purge;
};

/// Concerns the responses whose fetch has a lower sequence number. Views and references are valid during the
/// call.
struct Invalidation {
  std::variant<PathInvalidated, RouteInvalidated, GroupInvalidated, AllInvalidated, Purged> what;
  store::Validity validity = store::Validity::invalid;  // of these responses from now on
  policy::Sequence sequence = 0;
};

class Tier {
 public:
  virtual ~Tier() = default;
  Tier(const Tier&) = delete;
  Tier& operator=(const Tier&) = delete;

  /// False while nothing that is asked for can be found here.
  [[nodiscard]] virtual bool may_find() const noexcept = 0;
  /// Stores in memory what the tier has for a primary key, then calls `done`, on a thread of the tier's, with
  /// whether it had anything. `done` must not throw; it may never be called when the process ends.
  virtual void find(const std::string& key, std::function<void(bool found)> done) = 0;
  /// What is stored in memory for a key has changed; `hash` is the store's. The tier looks up what is stored
  /// now.
  virtual void changed(const std::string& key, std::uint64_t hash) noexcept = 0;
  /// Responses have been invalidated in memory: before the client that wrote gets its response, or the
  /// operator the answer to the purge. Called in the order of the sequence numbers by one thread, in any
  /// order by several.
  virtual void invalidated(const Invalidation& event) noexcept = 0;

 protected:
  Tier() = default;
};

}  // namespace larder::tiers
