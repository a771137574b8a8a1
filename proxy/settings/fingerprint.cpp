#include "settings/fingerprint.hpp"

#include "settings/table.hpp"

#include <xxhash.h>

namespace larder::settings {

namespace {

// One line for each row. A shown value has no line break.
template <class Target>
void append_included(const std::vector<Row<Target>>& rows, const Target& target, std::string& out) {
  for (const auto& row : rows) {
    if (row.fingerprint == Fingerprint::included)
      out.append(row.name).append(": ").append(row.show(target)) += '\n';
  }
}

}  // namespace

std::uint64_t config_fingerprint_of(const Settings& settings, const Route& route) {
  std::string text;
  append_included(top_rows(), settings, text);
  append_included(route_rows(), route, text);
  // What is stored has the hashes of its bindings (policy::bindings_of).
  for (const auto& pattern : route.invalidated_by) {
    if (!pattern.has_bound_names()) continue;
    text.append("bindings of ").append(route.path.text()).append(":");
    for (const auto& name : pattern.bound_names()) text.append(" ").append(name);
    text += '\n';
  }
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace larder::settings
