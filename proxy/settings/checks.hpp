// What no single key can tell: keys that need or exclude each other, routes that can never match, addresses
// that collide.
#pragma once

#include "settings/table.hpp"

#include <map>
#include <string>
#include <vector>

namespace larder::settings {

using RouteMarks = std::vector<YAML::Mark>;

/// Checks one route's keys against each other and completes it (mode, name of its shape). `keys`: where each
/// key stands.
void finish_route(const YAML::Mark& at, const std::map<std::string, YAML::Mark>& keys, Route& route,
                  Report& report);

/// Routes that an earlier one leaves nothing for.
void check_routes(const Settings& settings, const RouteMarks& marks, Report& report);

/// Addresses and budgets. Problems have no place: they may come from the file or from the command line.
void check_whole(const Settings& settings, Report& report);

}  // namespace larder::settings
