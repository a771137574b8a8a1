// Values that follow from other values of the configuration. Internal to this module.
#pragma once

#include "settings/report.hpp"
#include "settings/settings.hpp"

namespace larder::settings {

/// Sets what was not written and depends on what was: cache.max_body on cache.memory, limits.uploads and
/// upstream.background_connections on upstream.connections, and a route's lifetimes on `defaults`.
/// `of_routes` has the places of the keys of each of settings.routes. Warns where keep_warm is shorter than
/// the ttl.
void set_dependent_defaults(Settings& settings, const Places& places, const std::vector<Places>& of_routes,
                            Report& report);

}  // namespace larder::settings
