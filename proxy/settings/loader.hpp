// Walks a file's YAML along the table. Of this room alone.
#pragma once

#include "settings/keys.hpp"
#include "settings/report.hpp"

#include <memory>

namespace larder::settings {

/// What a file says, as far as it could be read: whether it holds is in the report.
[[nodiscard]] std::shared_ptr<Settings> read_settings(const YAML::Node& root, Report& report);

}  // namespace larder::settings
