#include "http/host.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>

namespace larder::http {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// RFC 3986 3.2.2: the characters of a registered name.
constexpr auto name_chars = [] {
  std::array<bool, 256> is_allowed{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) is_allowed[c] = is_allowed[c - 0x20u] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) is_allowed[c] = true;
  for (const char c : std::string_view("-._~!$&'()*+;=%")) is_allowed[static_cast<unsigned char>(c)] = true;
  return is_allowed;
}();

bool is_name_char(char c) noexcept {
  return name_chars[static_cast<unsigned char>(c)];
}

// The position of the colon before the port; npos if there is none. A port has digits alone, and an address
// in brackets ends with a bracket.
std::size_t port_colon(std::string_view authority) noexcept {
  auto at = authority.size();
  while (at > 0 && is_digit(authority[at - 1])) --at;
  return at > 0 && authority[at - 1] == ':' ? at - 1 : std::string_view::npos;
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const auto literal = text.substr(1, end - 1);
    const bool formed =
        std::all_of(literal.begin(), literal.end(), [](char c) { return is_hex(c) || c == ':' || c == '.'; });
    if (!formed || literal.find(':') == std::string_view::npos) return false;
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return false;
  } else {
    std::size_t end = 0;
    while (end < text.size() && is_name_char(text[end])) ++end;
    if (end == 0) return false;
    port = text.substr(end);
    if (!port.empty() && port.front() != ':') return false;
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  return port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
}

void append_authority(std::string_view authority, Scheme scheme, std::string& out) {
  const auto colon = port_colon(authority);
  const auto begin = out.size();
  out.append(authority.substr(0, colon));
  // The compiler must not take the bytes for parts of the string object.
  char* const end = out.data() + out.size();
  for (char* at = out.data() + begin; at != end; ++at) *at = lower(*at);
  if (colon == std::string_view::npos) return;
  auto port = authority.substr(colon + 1);
  while (port.size() > 1 && port.front() == '0') port.remove_prefix(1);
  if (port.empty() || port == (scheme == Scheme::https ? std::string_view("443") : std::string_view("80")))
    return;
  out += ':';
  out += port;
}

bool same_authority(std::string_view a, std::string_view b, Scheme scheme) {
  std::string first;
  std::string second;
  append_authority(a, scheme, first);
  append_authority(b, scheme, second);
  return first == second;
}

}  // namespace larder::http
