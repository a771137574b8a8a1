#include "projection/grammar.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace larder::projection {

namespace {

constexpr std::uint32_t no_digit =
    1u << 16;  // greater than any digit, so that a bitwise or of digits shows an invalid one
constexpr auto hex_values = [] {
  std::array<std::uint32_t, 256> values{};
  values.fill(no_digit);
  for (unsigned i = 0; i < 10; ++i) values['0' + i] = i;
  for (unsigned i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = 10 + i;
  return values;
}();

std::uint32_t hex_value(char c) noexcept {
  return hex_values[static_cast<unsigned char>(c)];
}

// The value of four hexadecimal digits; no_digit or more if one is invalid.
std::uint32_t hex4(const char* at) noexcept {
  const auto high = hex_value(at[0]), second = hex_value(at[1]), third = hex_value(at[2]),
             low = hex_value(at[3]);
  if ((high | second | third | low) >= no_digit) return no_digit;
  return (high << 12u) | (second << 8u) | (third << 4u) | low;
}

// The character for each letter after a backslash; 0 if the escape is invalid.
constexpr auto escapes = [] {
  std::array<char, 256> table{};
  table['"'] = '"';
  table['\\'] = '\\';
  table['/'] = '/';
  table['b'] = '\b';
  table['f'] = '\f';
  table['n'] = '\n';
  table['r'] = '\r';
  table['t'] = '\t';
  return table;
}();

constexpr int max_escape = 6;

// The size of the escape that starts at `at`; 0 if it is invalid.
int escape_size(const char* at) noexcept {
  if (at[1] == 'u') return hex4(at + 2) == no_digit ? 0 : max_escape;
  return escapes[static_cast<unsigned char>(at[1])] == 0 ? 0 : 2;
}

constexpr int block = 64;

// A bit mask of the backslashes in the block at `at`; the first byte is the lowest bit.
std::uint64_t backslashes(const char* at) noexcept {
  std::uint64_t places = 0;
#if defined(__SSE2__)
  const auto wanted = _mm_set1_epi8('\\');
  for (int i = 0; i < block; i += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
    const auto equal = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    places |= static_cast<std::uint64_t>(equal) << static_cast<unsigned>(i);
  }
#else
  for (unsigned i = 0; i < block; ++i) places |= static_cast<std::uint64_t>(at[i] == '\\' ? 1 : 0) << i;
#endif
  return places;
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0u | (code >> 6u));
  } else {
    if (code < 0x10000) {
      add(0xE0u | (code >> 12u));
    } else {
      add(0xF0u | (code >> 18u));
      add(0x80u | ((code >> 12u) & 0x3Fu));
    }
    add(0x80u | ((code >> 6u) & 0x3Fu));
  }
  add(0x80u | (code & 0x3Fu));
}

// Removes a `\u` escape, and the low surrogate that may follow, from the front of `text`, and returns its
// character.
std::uint32_t take_character(std::string_view& text) {
  const auto code = hex4(text.data() + 2);
  text.remove_prefix(6);
  if (code < 0xD800 || code >= 0xDC00 || !text.starts_with("\\u")) return code;
  const auto low = hex4(text.data() + 2);
  if (low < 0xDC00 || low >= 0xE000) return code;
  text.remove_prefix(6);
  return 0x10000 + ((code - 0xD800) << 10u) + (low - 0xDC00);
}

}  // namespace

bool has_good_escapes(std::string_view text, bool& found) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    at = static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(end - at)));
    if (at == nullptr) return true;
    found = true;
    if (end - at < block + max_escape) {
      if (end - at < 2 || (at[1] == 'u' && end - at < max_escape)) return false;
      const int size = escape_size(at);
      if (size == 0) return false;
      at += size;
      continue;
    }
    // Escapes tend to be close together: continues block by block until a block has none.
    while (end - at >= block + max_escape) {
      auto left = backslashes(at);
      if (left == 0) break;
      int behind = 0;
      do {
        behind = std::countr_zero(left);
        const int size = escape_size(at + behind);
        if (size == 0) return false;
        behind += size;
        left = behind < block ? left >> behind << behind : 0;
      } while (left != 0);
      at += std::max(behind, block);
    }
  }
}

void unescape(std::string_view inside, std::string& out) {
  out.clear();
  while (!inside.empty()) {
    if (inside[0] != '\\') {
      const auto plain = inside.substr(0, inside.find('\\'));
      out += plain;
      inside.remove_prefix(plain.size());
    } else if (inside[1] == 'u') {
      append_utf8(take_character(inside), out);
    } else {
      out += escapes[static_cast<unsigned char>(inside[1])];
      inside.remove_prefix(2);
    }
  }
}

}  // namespace larder::projection
