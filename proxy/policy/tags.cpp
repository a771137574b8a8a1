#include "policy/tags.hpp"

#include "http/etag.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

std::string_view suffix_of(http::Coding coding) noexcept {
  switch (coding) {
    case http::Coding::gzip:
      return "-gzip";
    case http::Coding::br:
      return "-br";
    case http::Coding::zstd:
      return "-zstd";
  }
  return {};
}

// The text without an encoder's mark: `-` and four hexadecimal digits.
std::string_view without_mark(std::string_view text) noexcept {
  constexpr std::size_t size = 5;
  if (text.size() < size || text[text.size() - size] != '-') return text;
  const auto digits = text.substr(text.size() - size + 1);
  const bool is_mark = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_mark ? text.substr(0, text.size() - size) : text;
}

}  // namespace

std::string coded_tag(std::string_view entity_tag, http::Coding coding, std::string_view mark) {
  if (entity_tag.size() < 2) return {};
  std::string tag(entity_tag.substr(0, entity_tag.size() - 1));
  return tag.append(suffix_of(coding)).append(mark).append("\"");
}

void TagTranslation::add(std::string shown, std::string original) {
  if (!shown.empty()) tags_.emplace_back(std::move(shown), std::move(original));
}

std::string TagTranslation::original_of(std::string_view tag) const {
  const auto find = [&](std::string_view shown) -> const std::string* {
    const auto at =
        std::find_if(tags_.begin(), tags_.end(), [&](const auto& one) { return one.first == shown; });
    return at == tags_.end() ? nullptr : &at->second;
  };
  if (const auto* known = find(tag)) return known->empty() ? std::string(tag) : *known;
  for (const auto coding : {http::Coding::gzip, http::Coding::br, http::Coding::zstd}) {
    const auto suffix = suffix_of(coding);
    auto text = without_mark(tag.substr(0, tag.size() - 1));  // without the closing quote
    if (!text.ends_with(suffix)) continue;
    text.remove_suffix(suffix.size());
    const auto plain = std::string(text) + '"';
    const auto* known = find(plain);
    return known == nullptr || known->empty() ? plain : *known;
  }
  return std::string(tag);
}

std::string TagTranslation::confirmed(std::string_view if_none_match, std::string_view original) const {
  const auto wanted = http::parse_entity_tag(original);
  if (!wanted) return {};
  std::string found;
  for (std::string_view rest = if_none_match, element; http::next_element(rest, element);) {
    const auto sent = http::parse_entity_tag(element);
    if (!sent) continue;
    if (http::weak_match(*sent, *wanted)) return {};
    const auto translated = original_of(element);
    const auto tag = http::parse_entity_tag(translated);
    if (found.empty() && tag && http::weak_match(*tag, *wanted)) found = element;
  }
  return found;
}

std::string TagTranslation::translate(std::string_view value) const {
  std::string out;
  for (std::string_view rest = value, element; http::next_element(rest, element);) {
    // The comma in an HTTP date (If-Range) does not separate elements.
    if (element != "*" && !http::parse_entity_tag(element)) return std::string(value);
    out.append(out.empty() ? "" : ", ").append(element == "*" ? std::string(element) : original_of(element));
  }
  return out;
}

}  // namespace larder::policy
