// Entity tags and the preconditions that use them (RFC 9110 8.8.3, 13.1).
#pragma once

#include "http/fields.hpp"

#include <string_view>

namespace larder::http {

/// An entity tag as written in a field: `"abc"` or `W/"abc"`. `opaque` includes the quotes.
struct EntityTag {
  bool weak = false;
  std::string_view opaque;
};

/// Parses an entity tag; nullopt if `text` is not exactly one (`W/` is case-sensitive; no control characters
/// or DQUOTE inside).
[[nodiscard]] std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept;

/// Strong and weak comparison (RFC 9110 8.8.3.2).
[[nodiscard]] bool strong_match(const EntityTag& a, const EntityTag& b) noexcept;
[[nodiscard]] bool weak_match(const EntityTag& a, const EntityTag& b) noexcept;

/// Whether If-None-Match (weak comparison) or If-Match (strong comparison), over all lines, lists `current`.
/// `*` matches any tag. Elements that are not entity tags are ignored; commas inside a tag do not separate.
/// An empty `current` (no tag) matches only `*`.
[[nodiscard]] bool none_match_names(Fields fields, std::string_view current) noexcept;
[[nodiscard]] bool match_names(Fields fields, std::string_view current) noexcept;

}  // namespace larder::http
