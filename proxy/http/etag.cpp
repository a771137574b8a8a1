#include "http/etag.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

namespace {

// RFC 9110 8.8.3: etagc is %x21 / %x23-7E / obs-text.
bool is_etag_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

// Removes the next entity tag from the front of a list; anything else is skipped up to the next comma. Entity
// tags have no escapes: a backslash before the closing quote is part of the tag, so the list cannot be parsed
// as quoted strings.
bool next_tag(std::string_view& rest, EntityTag& tag) noexcept {
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t,"), rest.size()));
    const bool weak = rest.starts_with("W/\"");
    const std::size_t open = weak ? 2 : 0;
    if (rest.size() > open && rest[open] == '"') {
      const auto close = rest.find('"', open + 1);
      if (close == std::string_view::npos) return false;
      const auto parsed = parse_entity_tag(rest.substr(0, close + 1));
      rest.remove_prefix(close + 1);
      const auto after = rest.find_first_not_of(" \t");
      const bool ends = after == std::string_view::npos || rest[after] == ',';
      if (parsed && ends) {
        tag = *parsed;
        return true;
      }
    }
    rest.remove_prefix(std::min(rest.find(','), rest.size()));
  }
  return false;
}

template <class Match>
bool names(Fields fields, FieldId id, std::string_view current, Match match) noexcept {
  const auto ours = parse_entity_tag(current);
  for (const auto& line : fields) {
    if (line.id != id) continue;
    if (trim(line.value) == "*") return true;
    if (!ours) continue;
    std::string_view rest = line.value;
    EntityTag tag;
    while (next_tag(rest, tag)) {
      if (match(tag, *ours)) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept {
  EntityTag tag;
  tag.weak = text.starts_with("W/");
  tag.opaque = text.substr(tag.weak ? 2 : 0);
  const auto& opaque = tag.opaque;
  if (opaque.size() < 2 || opaque.front() != '"' || opaque.back() != '"') return std::nullopt;
  if (!std::all_of(opaque.begin() + 1, opaque.end() - 1, is_etag_char)) return std::nullopt;
  return tag;
}

bool strong_match(const EntityTag& a, const EntityTag& b) noexcept {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
bool weak_match(const EntityTag& a, const EntityTag& b) noexcept {
  return a.opaque == b.opaque;
}

bool none_match_names(Fields fields, std::string_view current) noexcept {
  return names(fields, FieldId::if_none_match, current, weak_match);
}

bool match_names(Fields fields, std::string_view current) noexcept {
  return names(fields, FieldId::if_match, current, strong_match);
}

}  // namespace larder::http
