#include "http/ambiguous_path.hpp"

#include "http/target.hpp"

#include <algorithm>
#include <array>

namespace larder::http {

namespace {

constexpr int max_rounds = 4;  // of decoding; servers are not known to decode more often

struct Escape {
  unsigned char byte = 0;
  bool valid = false;
};

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Escape escape_at(std::string_view text, std::size_t at) noexcept {
  if (at + 2 >= text.size() || text[at] != '%') return {};
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  if (high < 0 || low < 0) return {};
  return {static_cast<unsigned char>(high * 16 + low), true};
}

// Whether the text begins with a dot, literal or escaped; `size` receives its length.
bool starts_with_dot(std::string_view text, std::size_t& size) noexcept {
  if (text.starts_with('.')) {
    size = 1;
    return true;
  }
  const auto escape = escape_at(text, 0);
  size = 3;
  return escape.valid && escape.byte == '.';
}

// `rest` begins after a slash. A `;` after the dots need not be handled: it is ambiguous anywhere.
bool is_dot_segment(std::string_view rest) noexcept {
  std::size_t size = 0;
  for (int dots = 0; dots < 2 && starts_with_dot(rest, size); ++dots) {
    rest.remove_prefix(size);
    if (rest.empty() || rest.front() == '/') return true;
    if (const auto escape = escape_at(rest, 0); escape.valid && escape.byte == ';') return true;
  }
  return false;
}

bool is_ambiguous_escape(std::string_view path, std::size_t at) noexcept {
  const auto escape = escape_at(path, at);
  if (!escape.valid) return false;
  switch (escape.byte) {
    case '/':
    case '\\':
    case '\0':
    case 0xC0:  // first byte of an overlong form of an ASCII character
    case 0xC1:
      return true;
    case '%':
      return hex_value(at + 3 < path.size() ? path[at + 3] : ' ') >= 0 &&
             hex_value(at + 4 < path.size() ? path[at + 4] : ' ') >= 0;
    default:
      return false;
  }
}

constexpr auto special = [] {
  std::array<bool, 256> table{};
  for (const char c : {'%', '/', ';', '\\'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto escape = escape_at(text, i);
    out += escape.valid ? static_cast<char>(escape.byte) : text[i];
    if (escape.valid) i += 2;
  }
  return out;
}

// Replaces overlong two-byte forms of ASCII characters by those characters.
std::string without_overlong(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    if ((byte == 0xC0 || byte == 0xC1) && (next & 0xC0u) == 0x80) {
      out += static_cast<char>(((byte & 1u) << 6u) | (next & 0x3Fu));
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string without_parameters(std::string_view path) {
  std::string out;
  bool in_parameter = false;
  for (const char c : path) {
    if (c == '/') in_parameter = false;
    if (c == ';') in_parameter = true;
    if (!in_parameter) out += c;
  }
  return out;
}

// RFC 3986 5.2.4, for a path with a leading slash.
std::string without_dot_segments(std::string_view path, bool merge_slashes) {
  std::vector<std::string_view> kept;
  bool ends_in_slash = false;
  path.remove_prefix(1);
  for (bool more = true; more;) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    more = slash != std::string_view::npos;
    path = more ? path.substr(slash + 1) : std::string_view();
    ends_in_slash = segment == "." || segment == ".." || segment.empty();
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != "." && (!segment.empty() || (!merge_slashes && more))) {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  if (ends_in_slash || out.empty()) out += '/';
  return out;
}

// Percent-encodes a decoded path, in the form of normalise_path.
std::string escaped(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%' && c != '?' && c != '#') {
      out += c;
      continue;
    }
    out += '%';
    out += digits[byte >> 4u];
    out += digits[byte & 0xFu];
  }
  return out;
}

}  // namespace

bool is_ambiguous_path(std::string_view path) noexcept {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (!special[static_cast<unsigned char>(c)]) continue;
    if (c == ';' || c == '\\') return true;
    if (c == '%' && is_ambiguous_escape(path, i)) return true;
    if (c == '/' && i + 1 < path.size() && (path[i + 1] == '.' || path[i + 1] == '%') &&
        is_dot_segment(path.substr(i + 1)))
      return true;
  }
  return false;
}

std::vector<std::string> resolved_paths(std::string_view path) {
  std::vector<std::string> all;
  std::string scratch;
  const std::string as_sent(normalise_path(path, scratch));
  bool is_decoded = false;
  const auto add = [&](std::string text, bool parameters, bool merge_slashes) {
    std::replace(text.begin(), text.end(), '\\', '/');
    if (!parameters) text = without_parameters(text);
    if (!text.starts_with('/')) text.insert(0, "/");
    auto resolved = without_dot_segments(text, merge_slashes);
    resolved = is_decoded ? escaped(resolved) : std::string(normalise_path(resolved, scratch));
    if (resolved != as_sent && std::find(all.begin(), all.end(), resolved) == all.end())
      all.push_back(std::move(resolved));
  };
  std::string text(path);
  for (int round = 0; round < max_rounds; ++round) {
    for (const bool parameters : {true, false}) {
      for (const bool merge_slashes : {false, true}) add(text, parameters, merge_slashes);
    }
    add(without_overlong(text), false, true);
    auto next = decoded(text);
    if (next == text) break;
    text = std::move(next);
    is_decoded = true;
  }
  return all;
}

}  // namespace larder::http
