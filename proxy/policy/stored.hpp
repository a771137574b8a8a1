// What policy knows of a stored response. Immutable once published, as the whole stored response is.
#pragma once

#include "policy/freshness.hpp"
#include "policy/key.hpp"
#include "policy/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace larder::policy {

/// Bytes that processors move together: what one thread writes often is kept this far from what others read.
inline constexpr std::size_t cache_line = 64;

/// A moment in the order of fills and writes: a fill takes one when it begins, a write when its answer has
/// come. What began before a write that concerns it is void (design, invariant 5).
using Sequence = std::uint64_t;

/// Which bytes of a representation a stored 206 has: inclusive positions.
struct Part {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> complete;  // the size of the whole, where it is known
  bool exact = true;                      // as many bytes came as were said

  [[nodiscard]] bool is_whole() const noexcept { return first == 0 && complete && last + 1 == *complete; }
  friend bool operator==(const Part&, const Part&) = default;
};

struct StoredMeta {
  // First what every hit looks at: it is meant to lie in few cache lines.
  MonoTime fresh_until;
  MonoTime response_time;  // when its head was received, or when it was last validated
  Millis initial_age{0};   // corrected_initial_age at response_time (RFC 9111 4.2.3)
  Sequence sequence = 0;   // when the fill that made it, or last validated it, began
  int status = 200;
  bool upstream_age = false;   // it came with an Age: some cache upstream had it already
  bool must_validate = false;  // no-cache: never reused without validation
  bool must_revalidate =
      false;                 // nothing stale: must-revalidate, proxy-revalidate or s-maxage (RFC 9111 5.2.2)
  std::optional<Part> part;  // of a 206: the body is not the whole representation
  SecondaryKey secondary;

  Lifetime lifetime;
  std::optional<std::chrono::sys_seconds> date;           // its Date
  std::optional<std::chrono::sys_seconds> last_modified;  // its Last-Modified, read
  std::optional<Millis> stale_while_revalidate;
  std::optional<Millis> stale_if_error;
  std::optional<Millis> stale_if_disconnected;  // while upstream cannot be reached (RFC 9111 4.2.4)

  std::string entity_tag;           // as clients see it; empty = none
  std::string upstream_entity_tag;  // for validation upstream; empty = none
  std::string upstream_last_modified;
  std::vector<std::string> groups;  // RFC 9875

  [[nodiscard]] Millis age(MonoTime now) const noexcept { return initial_age + (now - response_time); }
  [[nodiscard]] bool is_fresh(MonoTime now) const noexcept { return now < fresh_until; }
  [[nodiscard]] bool has_validator() const noexcept {
    return !upstream_entity_tag.empty() || !upstream_last_modified.empty();
  }
};

}  // namespace larder::policy
