// The grammar of JSON's tokens (RFC 8259 6 and 7), as far as simdjson's first stage has not checked it. Of
// this room alone.
#pragma once

#include <string>
#include <string_view>

namespace larder::projection {

/// RFC 8259 2.
[[nodiscard]] constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// What may stand behind a number or a word inside a list or an object.
[[nodiscard]] constexpr bool ends_word(char c) noexcept {
  return c == ',' || c == '}' || c == ']' || is_space(c);
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// The end of the number that starts at `at`, nullptr where none does. Some byte that is no part of a number
/// must stand behind it. Its size does not matter: `1e999` is one.
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

/// True if each backslash in `text` starts an escape of RFC 8259 7. Surrogates need no partner: the grammar
/// asks for none. Sets `found` where there is any.
[[nodiscard]] bool has_good_escapes(std::string_view text, bool& found) noexcept;

/// The inside of a string, whose escapes are good, without them. A surrogate that stands alone becomes three
/// bytes that no UTF-8 text contains.
void unescape(std::string_view inside, std::string& out);

}  // namespace larder::projection
