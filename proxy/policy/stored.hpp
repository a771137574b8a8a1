// Metadata of a stored response. Immutable once published, like the stored response.
#pragma once

#include "policy/freshness.hpp"
#include "policy/key.hpp"
#include "policy/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace larder::policy {

/// The size of a cache line in bytes. Data that one thread writes often is kept that far from data that other
/// threads read.
inline constexpr std::size_t cache_line = 64;

/// Orders fills and writes: a fill takes a number when it starts, a write when its response has arrived. A
/// response whose fill started before a write to it is invalid (design, invariant 5).
using Sequence = std::uint64_t;

/// The bytes of a representation that a stored 206 has: inclusive positions.
struct Part {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> complete;  // complete length, if known
  bool exact = true;                      // the body had the size that Content-Range said

  [[nodiscard]] bool is_whole() const noexcept { return first == 0 && complete && last + 1 == *complete; }
  friend bool operator==(const Part&, const Part&) = default;
};

struct StoredMeta {  // NOLINT(bugprone-exception-escape): its members do not throw when moved
  // Members that every hit reads come first, so that they share few cache lines.
  MonoTime fresh_until;
  MonoTime response_time;  // when the head was received, or the response was last validated
  Millis initial_age{0};   // corrected_initial_age at response_time (RFC 9111 4.2.3)
  Sequence sequence = 0;   // sequence of the fill that fetched or last validated it
  int status = 200;
  bool upstream_age = false;   // received with Age: it came from another cache
  bool must_validate = false;  // no-cache: must not be used without validation
  bool must_revalidate =
      false;                 // must-revalidate, proxy-revalidate or s-maxage: never stale (RFC 9111 5.2.2)
  std::optional<Part> part;  // for a 206: the body is only this part
  SecondaryKey secondary;

  Lifetime lifetime;
  std::optional<std::chrono::sys_seconds> date;
  std::optional<std::chrono::sys_seconds> last_modified;  // parsed from upstream_last_modified
  std::optional<Millis> stale_while_revalidate;
  std::optional<Millis> stale_if_error;
  std::optional<Millis> stale_if_disconnected;  // applies while the API is disconnected (RFC 9111 4.2.4)

  std::string entity_tag;           // as sent to clients; empty if none
  std::string upstream_entity_tag;  // as the API sent it, for validation; empty if none
  std::string upstream_last_modified;
  std::vector<std::string> groups;  // RFC 9875

  [[nodiscard]] Millis age(MonoTime now) const noexcept { return initial_age + (now - response_time); }
  [[nodiscard]] bool is_fresh(MonoTime now) const noexcept { return now < fresh_until; }
  [[nodiscard]] bool has_validator() const noexcept {
    return !upstream_entity_tag.empty() || !upstream_last_modified.empty();
  }
};

}  // namespace larder::policy
