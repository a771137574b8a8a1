#include "cache/fill_name.hpp"

#include "policy/key.hpp"

#include <algorithm>

namespace larder::cache {

std::string name_of_fill(std::string_view key, const settings::Route& route,
                         const policy::RequestFacts& request, const store::Entry* entry, bool part) {
  auto fields = policy::fields_in_key(request, route);
  const auto add = [&](const policy::VaryField& field) {
    const auto is_same = [&](const policy::VaryField& other) { return other.name == field.name; };
    if (std::none_of(fields.begin(), fields.end(), is_same)) fields.push_back(field);
  };
  if (entry != nullptr) {
    for (const auto& variant : entry->variants)
      std::for_each(variant->secondary.begin(), variant->secondary.end(), add);
  }
  if (part) {
    for (const char* name : {"range", "if-range"})
      add(policy::VaryField::named(name, request.settings->request_fields));
  }
  std::string name(key);
  for (const auto& field : fields) {
    name.append("\n").append(field.name);
    if (const auto value = policy::key_value(field, request)) name.append("=").append(*value);
  }
  return name;
}

}  // namespace larder::cache
