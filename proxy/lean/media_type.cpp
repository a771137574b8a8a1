#include "lean/projector.hpp"

#include <algorithm>

namespace larder::lean {

bool is_json_type(std::string_view content_type) noexcept {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  const auto equals = [](std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
             return (x >= 'A' && x <= 'Z' ? static_cast<char>(x | 0x20) : x) == y;
           });
  };
  if (equals(type, "application/json")) return true;
  const auto slash = type.find('/');
  constexpr std::string_view suffix = "+json";
  if (slash == std::string_view::npos || slash == 0 || type.size() < slash + 2 + suffix.size()) return false;
  return equals(type.substr(type.size() - suffix.size()), suffix);
}

}  // namespace larder::lean
