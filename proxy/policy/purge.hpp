// What an operator throws out.
#pragma once

#include "policy/key.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace larder::policy {

struct Purge {
  enum class What : std::uint8_t {
    path,    // of every host; each query of it, unless the text has a query
    prefix,  // paths that begin so
    group,   // of every origin (RFC 9875)
    all,
  };
  What what = What::all;
  std::string text;  // normalised; empty for all
  bool soft = false;

  /// Whether a response is meant that is stored under `key` and belongs to `groups`.
  [[nodiscard]] bool concerns(const KeyView& key, std::span<const std::string> groups) const;
};

/// A path (with a query, or without) as keys have it, for Purge::text.
[[nodiscard]] std::string purge_text(std::string_view path);

}  // namespace larder::policy
