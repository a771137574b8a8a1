#include "policy/groups.hpp"

#include "http/structured.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

// RFC 9875 2 and 3: a field that is not a List of Strings is ignored as a whole; parameters have no meaning.
std::vector<std::string> strings_of(http::Fields fields, std::string_view name) {
  std::vector<std::string> strings;
  auto members = http::parse_list(fields, name);
  if (!members) return strings;
  for (auto& member : *members) {
    auto* text = std::get_if<std::string>(&member);
    if (text == nullptr) return {};
    strings.push_back(std::move(*text));
  }
  return strings;
}

}  // namespace

std::vector<std::string> groups_of(http::Fields response) {
  return strings_of(response, "Cache-Groups");
}

std::vector<std::string> groups_invalidated(http::Fields response) {
  return strings_of(response, "Cache-Group-Invalidation");
}

std::string group_name(std::string_view origin, std::string_view group) {
  return std::string(origin).append("\n").append(group);
}

}  // namespace larder::policy
