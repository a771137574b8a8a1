// `larder check` and `larder dump-config`: commands that need no running larder.
#pragma once

#include "cache/plan.hpp"
#include "settings/load.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::admin {

/// To standard error, a line each.
void print(const std::vector<settings::Problem>& problems);

/// The plan for the file with the overrides of the command line. If that has errors, nullptr; problems of at
/// least `severity` are printed to standard error.
[[nodiscard]] std::shared_ptr<const cache::Plan> load_plan(
    const std::string& file, const settings::Overrides& overrides,
    settings::Problem::Severity severity = settings::Problem::Severity::warning);

struct CheckOptions {
  bool offline = false;
  bool json = false;
  std::vector<std::string> samples;  // paths, with their query, that the API is asked for
};
/// Prints the problems of the file and, unless `offline`, why responses of the API would not be cached or
/// projected. Returns the exit code.
[[nodiscard]] int check_command(const std::string& file, const CheckOptions& options);

/// Prints the effective settings as YAML. Returns the exit code.
[[nodiscard]] int dump_command(const std::string& file, const settings::Overrides& overrides);

}  // namespace larder::admin
