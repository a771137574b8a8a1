// Walks a file's YAML along the table. Of this room alone.
#pragma once

#include "settings/keys.hpp"
#include "settings/report.hpp"

#include <memory>

namespace larder::settings {

/// What files say, as far as they could be read: whether it holds is in the report.
class Loader {
 public:
  /// One file after the other; `report` knows which.
  void read(const YAML::Node& root, Report& report);
  /// Once, after the last. `whole`: all of them could be read, and are checked against each other.
  [[nodiscard]] std::shared_ptr<Settings> finish(Report& report, bool whole);

 private:
  struct Routes {
    std::vector<Route> routes;
    std::vector<Places> places;  // of each
  };
  void read_routes(const YAML::Node& at, const YAML::Node& value, Report& report);
  static void read_route(const YAML::Node& element, Routes& into, Report& report);

  Settings settings_;
  Places places_;               // of the top level
  std::vector<Routes> routes_;  // of each file
};

}  // namespace larder::settings
