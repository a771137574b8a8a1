// Entity tags and the preconditions that use them (RFC 9110 8.8.3, 13.1).
#pragma once

#include "http/fields.hpp"

#include <string_view>

namespace larder::http {

/// An entity tag as it stands in a field: `"abc"` or `W/"abc"`. `opaque` includes the quotes.
struct EntityTag {
  bool weak = false;
  std::string_view opaque;
};

/// nullopt where `text` is not exactly one entity tag (`W/` is case-sensitive; no control characters or
/// DQUOTE inside).
[[nodiscard]] std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept;

/// RFC 9110 8.8.3.2.
[[nodiscard]] bool strong_match(const EntityTag& a, const EntityTag& b) noexcept;
[[nodiscard]] bool weak_match(const EntityTag& a, const EntityTag& b) noexcept;

/// Whether a list of entity tags, the value of If-None-Match or If-Match over all lines of that field, names
/// `current`. `*` is true for any. Elements that are no entity tags are ignored, and commas inside the quotes
/// do not separate. An empty `current` (no tag) matches `*` alone.
[[nodiscard]] bool none_match_names(Fields fields, std::string_view current) noexcept;  // If-None-Match: weak
[[nodiscard]] bool match_names(Fields fields, std::string_view current) noexcept;       // If-Match: strong

}  // namespace larder::http
