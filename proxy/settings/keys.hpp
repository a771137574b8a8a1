// The names of the configuration, level by level, and what an unknown one was meant to be. Of this room
// alone.
#pragma once

#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <algorithm>

namespace larder::settings {

/// The top level, a mapping in it, a route, or a mapping in that.
struct Level {
  std::string where;  // as messages say it: `at the top level`, `in cache`, `in a route`
  Words names;
};

/// All of them; every name is a view into the table.
[[nodiscard]] const std::vector<Level>& levels();
[[nodiscard]] const Level& level_called(std::string_view where);

/// What to do about a name that is unknown there: `did you mean 'memory'?`, `it belongs in cache`, or what
/// there is.
[[nodiscard]] std::string remedy(std::string_view name, const Level& level);

template <class Target>
[[nodiscard]] const Row<Target>* find_row(const std::vector<Row<Target>>& rows, std::string_view name) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

/// The first row of the mapping of that name; nullptr where the name is no mapping's.
template <class Target>
[[nodiscard]] const Row<Target>* first_within(const std::vector<Row<Target>>& rows, std::string_view name) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) {
    return row.name.size() > name.size() && row.name.starts_with(name) && row.name[name.size()] == '.';
  });
  return at == rows.end() ? nullptr : &*at;
}

}  // namespace larder::settings
