// `larder check` and `larder dump-config`: what a configuration says, without a running larder.
#pragma once

#include "cache/plan.hpp"
#include "settings/load.hpp"

#include <memory>
#include <string>

namespace larder::admin {

/// The plan of the file with the command line's overrides; nullptr after its problems of at least that
/// severity have been printed to standard error.
[[nodiscard]] std::shared_ptr<const cache::Plan> load_plan(
    const std::string& file, const settings::Overrides& overrides,
    settings::Problem::Severity severity = settings::Problem::Severity::warning);

/// Prints what is wrong with the file, and, unless `offline`, what the API's responses say against caching
/// them. Returns the exit code.
[[nodiscard]] int check_command(const std::string& file, bool offline, bool json);

/// Prints the settings in force as YAML. Returns the exit code.
[[nodiscard]] int dump_command(const std::string& file, const settings::Overrides& overrides);

}  // namespace larder::admin
