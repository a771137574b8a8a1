// Purges: removal of stored responses by an operator.
#pragma once

#include "policy/key.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace larder::policy {

struct Purge {
  enum class What : std::uint8_t {
    path,    // a path, on every host; with all its queries, unless the text has a query
    prefix,  // all paths with that prefix
    group,   // the responses of a group, of every origin (RFC 9875)
    all,
  };
  What what = What::all;
  std::string text;  // normalised; empty for all
  bool soft = false;

  /// Whether the purge applies to a response that is stored under `key` and belongs to `groups`.
  [[nodiscard]] bool concerns(const KeyView& key, std::span<const std::string> groups) const;
};

/// Normalises a path, with or without a query, as cache keys do; for Purge::text.
[[nodiscard]] std::string purge_text(std::string_view path);

}  // namespace larder::policy
