// The grammar of JSON tokens (RFC 8259 6 and 7), as far as simdjson's first stage does not check it. Internal
// to this module.
#pragma once

#include <string>
#include <string_view>

namespace larder::projection {

/// RFC 8259 2.
[[nodiscard]] constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// Whether the character may follow a number or a word inside a list or an object.
[[nodiscard]] constexpr bool ends_word(char c) noexcept {
  return c == ',' || c == '}' || c == ']' || is_space(c);
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// The end of the number that starts at `at`; nullptr if there is none. It must be followed by a byte that
/// cannot be part of a number. The magnitude is not limited: `1e999` is a number.
[[nodiscard]] inline const char* end_of_number(const char* at) noexcept {
  if (*at == '-') ++at;
  if (!is_digit(*at)) return nullptr;
  if (*at == '0') {
    ++at;
  } else {
    while (is_digit(*at)) ++at;
  }
  if (*at == '.') {
    if (!is_digit(*++at)) return nullptr;
    while (is_digit(*at)) ++at;
  }
  if (*at == 'e' || *at == 'E') {
    ++at;
    if (*at == '+' || *at == '-') ++at;
    if (!is_digit(*at)) return nullptr;
    while (is_digit(*at)) ++at;
  }
  return at;
}

/// Whether each backslash in `text` starts a valid escape (RFC 8259 7). Unpaired surrogates are valid by the
/// grammar. Sets `found` if there is any escape.
[[nodiscard]] bool has_good_escapes(std::string_view text, bool& found) noexcept;

/// Unescapes the inside of a string, whose escapes must be valid. An unpaired surrogate becomes three bytes
/// that do not occur in UTF-8.
void unescape(std::string_view inside, std::string& out);

}  // namespace larder::projection
