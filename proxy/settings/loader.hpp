// Reads YAML according to the table of keys. Internal to this module.
#pragma once

#include "settings/keys.hpp"
#include "settings/report.hpp"

#include <memory>

namespace larder::settings {

/// Collects the settings of several files. Errors are in the report.
class Loader {
 public:
  /// Reads one file. `report` must have begun that file.
  void read(const YAML::Node& root, Report& report);
  /// To be called once, after the last file. `whole`: all files could be read, so that checks across keys are
  /// possible.
  [[nodiscard]] std::shared_ptr<Settings> finish(Report& report, bool whole);

 private:
  struct Routes {
    std::vector<Route> routes;
    std::vector<Places> places;  // the places of each route's keys
  };
  void read_routes(const YAML::Node& at, const YAML::Node& value, Report& report);
  static void read_route(const YAML::Node& element, Routes& into, Report& report);

  Settings settings_;
  Places places_;               // places of the top level's keys
  std::vector<Routes> routes_;  // one element for each file
};

}  // namespace larder::settings
