// The fingerprint of the settings that stored responses depend on. Internal to this module.
#pragma once

#include "settings/settings.hpp"

#include <cstdint>

namespace larder::settings {

/// Computes Route::config_fingerprint from the rows that are marked Fingerprint::included. All settings must
/// have been read. Called when a configuration is loaded, never for a request.
[[nodiscard]] std::uint64_t config_fingerprint_of(const Settings& settings, const Route& route);

}  // namespace larder::settings
