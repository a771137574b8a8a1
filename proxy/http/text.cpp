#include "http/text.hpp"

#include <array>
#include <limits>

namespace larder::http {

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto token_table = make_token_table();

// The end of the element at the front: the position of the next comma outside quotes, or the size of the
// text.
std::size_t element_end(std::string_view text) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      return i;
  }
  return text.size();
}

}  // namespace

bool is_token_char(char c) noexcept {
  return token_table[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool next_element(std::string_view& rest, std::string_view& element) noexcept {
  while (!rest.empty()) {
    const auto end = element_end(rest);
    element = trim(rest.substr(0, end));
    rest.remove_prefix(end == rest.size() ? end : end + 1);
    if (!element.empty()) return true;
  }
  return false;
}

bool list_has(Fields fields, FieldId id, std::string_view token) noexcept {
  for (const auto& line : fields) {
    if (line.id != id) continue;
    std::string_view rest = line.value;
    std::string_view element;
    while (next_element(rest, element)) {
      if (iequals(trim(element.substr(0, element.find(';'))), token)) return true;
    }
  }
  return false;
}

std::size_t count_elements(Fields fields, FieldId id) noexcept {
  std::size_t count = 0;
  for (const auto& line : fields) {
    if (line.id != id) continue;
    for (std::string_view rest = line.value, element; next_element(rest, element);) ++count;
  }
  return count;
}

std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string content;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
    content += text[i];
  }
  return content;
}

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (most - digit) / 10 ? most : value * 10 + digit;
  }
  return value;
}

std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0u) == 0x80u; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF && continues(1)) return 2;
  if ((byte(0) & 0xF0u) == 0xE0 && continues(1) && continues(2)) {
    const bool overlong = byte(0) == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = byte(0) == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (byte(0) >= 0xF0 && byte(0) <= 0xF4 && continues(1) && continues(2) && continues(3)) {
    const bool outside = (byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) >= 0x90);
    return outside ? 0 : 4;
  }
  return 0;
}

}  // namespace larder::http
