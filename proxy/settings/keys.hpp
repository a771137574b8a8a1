// The keys of the configuration by level, and suggestions for unknown ones. Internal to this module.
#pragma once

#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <algorithm>

namespace larder::settings {

/// The top level, a mapping in it, a route, or a mapping in a route.
struct Level {
  std::string where;  // as used in messages: `at the top level`, `in cache`, `in a route`
  Words names;
};

inline constexpr std::string_view outermost_level = "at the top level";
/// The level of a mapping of that name.
[[nodiscard]] std::string level_within(std::string_view level, std::string_view name);

/// All levels; the names are views into the table.
[[nodiscard]] const std::vector<Level>& levels();
[[nodiscard]] const Level& level_called(std::string_view where);

/// The remedy for an unknown name: `did you mean 'memory'?`, `it belongs in cache`, or the list of known
/// names.
[[nodiscard]] std::string remedy(std::string_view name, const Level& level);

template <class Target>
[[nodiscard]] const Row<Target>* find_row(const std::vector<Row<Target>>& rows, std::string_view name) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

/// The first row of the mapping of that name; nullptr if there is no such mapping.
template <class Target>
[[nodiscard]] const Row<Target>* first_within(const std::vector<Row<Target>>& rows, std::string_view name) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) {
    return row.name.size() > name.size() && row.name.starts_with(name) && row.name[name.size()] == '.';
  });
  return at == rows.end() ? nullptr : &*at;
}

}  // namespace larder::settings
