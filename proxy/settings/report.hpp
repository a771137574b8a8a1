// Positions in configuration files, and the problems found while reading them. Internal to this module.
#pragma once

#include "settings/load.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace larder::settings {

/// A position in a file, or (line 0) an option of the command line.
struct Place {
  std::string source;
  int line = 0;
  int column = 0;
  bool sound = true;  // false if an error has been reported for what is written there
};

/// The position of each key that was written: `cache`, `cache.memory`; for a list also its elements:
/// `listen[1]`.
using Places = std::map<std::string, Place>;

class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  /// Starts a file: nodes reported from now on are in that file.
  void begin(std::string file) { file_ = std::move(file); }

  void error(const Place& at, std::string message) {
    ++errors_;
    problems_.push_back({Problem::Severity::error, at.source, at.line, at.column, std::move(message)});
  }
  void error(const YAML::Mark& at, std::string message) { error(place(at), std::move(message)); }
  void error(const YAML::Node& at, std::string message) { error(at.Mark(), std::move(message)); }
  void warning(const Place& at, std::string message) {
    problems_.push_back({Problem::Severity::warning, at.source, at.line, at.column, std::move(message)});
  }
  void warning(const YAML::Node& at, std::string message) { warning(place(at.Mark()), std::move(message)); }

  /// yaml-cpp counts lines and columns from 0.
  [[nodiscard]] Place place(const YAML::Mark& at) const {
    return at.is_null() ? Place{file_} : Place{file_, at.line + 1, at.column + 1};
  }
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::vector<Problem>& problems() noexcept { return problems_; }

 private:
  std::string file_;
  std::size_t errors_ = 0;
  std::vector<Problem> problems_;
};

/// The position of the first of these keys that was written; `sound` if all that were written are sound.
/// Empty if none was written, so that only defaults apply.
[[nodiscard]] inline Place find_place(const Places& places, std::initializer_list<std::string> names) {
  Place found;
  bool sound = true;
  for (const auto& name : names) {
    const auto at = places.find(name);
    if (at == places.end()) continue;
    if (found.source.empty()) found = at->second;
    sound = sound && at->second.sound;
  }
  found.sound = sound;
  return found;
}

}  // namespace larder::settings
