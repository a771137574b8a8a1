#include "fill/name.hpp"

#include "policy/key.hpp"

#include <algorithm>
#include <vector>

namespace larder::fill {

std::string name_of_fill(std::string_view key, const settings::Route& route, http::Fields request,
                         const store::Entry* entry, bool part) {
  std::string name(key);
  std::vector<std::string_view> seen;
  const auto append = [&](std::string_view field) {
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) return;
    seen.push_back(field);
    name += '\n';
    name += field;
    if (const auto value = policy::normalised_value(request, field)) name.append("=").append(*value);
  };
  append("origin");
  for (const auto& field : route.key.headers) append(field);
  if (entry != nullptr) {
    for (const auto& variant : entry->variants) {
      for (const auto& field : variant->secondary) append(field.name);
    }
  }
  if (part) {
    append("range");
    append("if-range");
  }
  return name;
}

}  // namespace larder::fill
