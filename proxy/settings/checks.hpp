// Checks that involve several keys: keys that require or exclude each other, unreachable routes, conflicting
// addresses. Internal to this module.
#pragma once

#include "settings/report.hpp"
#include "settings/settings.hpp"

#include <vector>

namespace larder::settings {

/// Checks the keys of one route against each other and completes the route (mode, shape). `at` is where the
/// route begins; `places` are those of its keys.
void finish_route(const Place& at, const Places& places, Route& route, Report& report);

/// Reports routes that are unreachable because an earlier one matches all their paths. `places` are those of
/// the routes' keys.
void check_routes(const std::vector<Route>& routes, const std::vector<Places>& places, Report& report);

/// Warns of patterns in invalidated_by that overlap the path of no route, `/**` aside, and begin like none:
/// they are probably misspelt.
void check_invalidations(const std::vector<Route>& routes, const std::vector<Places>& places, Report& report);

/// Checks addresses and budgets. `places` are those of the top level's keys; a key that is not in it has its
/// default.
void check_whole(const Settings& settings, const Places& places, Report& report);

}  // namespace larder::settings
