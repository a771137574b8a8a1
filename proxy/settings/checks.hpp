// What no single key can tell: keys that need or exclude each other, routes that can never match, addresses
// that collide. Of this room alone.
#pragma once

#include "settings/report.hpp"
#include "settings/settings.hpp"

#include <vector>

namespace larder::settings {

/// Checks one route's keys against each other and completes it (mode, name of its shape). `at`: where the
/// route begins; `places`: where its keys are.
void finish_route(const Place& at, const Places& places, Route& route, Report& report);

/// Routes that an earlier one leaves nothing for. `places`: of each route.
void check_routes(const std::vector<Route>& routes, const std::vector<Places>& places, Report& report);

/// Route::config_fingerprint. Once the whole file is read.
[[nodiscard]] std::uint64_t config_fingerprint_of(const Settings& settings, const Route& route);

/// Addresses and budgets. `places`: of the top level's keys; what is not in it is as it was before.
void check_whole(const Settings& settings, const Places& places, Report& report);

}  // namespace larder::settings
