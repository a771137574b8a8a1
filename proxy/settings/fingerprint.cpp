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
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace larder::settings
