// Shared by the fuzz targets: splitting the input into parts, and checking properties.
#pragma once

#include "http/text.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace larder::fuzz {

/// Aborts with the text of the property if it does not hold.
inline void must(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

/// Removes the text up to the next line feed from the front.
inline std::string_view take_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
  return line;
}

/// Removes field lines from the front, up to an empty line or the end: one `Name: value` per line, as the
/// gate would accept them. Other lines and white space around values are dropped.
inline std::vector<http::Field> take_fields(std::string_view& rest) {
  std::vector<http::Field> fields;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (line.empty()) break;
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || !http::is_token(name)) continue;
    auto value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    fields.push_back({boost::beast::http::string_to_field(name), name, value});
  }
  return fields;
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace larder::fuzz
