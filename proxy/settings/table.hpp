// Every key of the configuration, one row each: the single source of what the loader accepts, of its messages
// and of the reference.
#pragma once

#include "settings/load.hpp"

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// Where problems go while a file is read.
class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}
  void error(const YAML::Node& at, std::string message) {
    add(Problem::Severity::error, at.Mark(), std::move(message));
  }
  void warning(const YAML::Node& at, std::string message) {
    add(Problem::Severity::warning, at.Mark(), std::move(message));
  }
  void error(const YAML::Mark& at, std::string message) {
    add(Problem::Severity::error, at, std::move(message));
  }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] std::vector<Problem>& problems() noexcept { return problems_; }

 private:
  void add(Problem::Severity severity, const YAML::Mark& at, std::string message) {
    const bool placed = !at.is_null();
    problems_.push_back(
        {severity, file_, placed ? at.line + 1 : 0, placed ? at.column + 1 : 0, std::move(message)});
  }
  std::string file_;
  std::vector<Problem> problems_;
};

template <class Target>
struct Row {
  std::string name;           // within its level: `ttl`; with its group at the top level: `cache.memory`
  std::string type;           // what is to be written: `duration`, `size`, ...
  std::string range;          // empty = any
  std::string default_value;  // as it would be written; empty = none
  std::string meaning;        // one sentence
  std::function<void(Report&, const YAML::Node&, Target&)> set;
  bool planned = false;  // understood and checked, but not acted upon by this version
};

[[nodiscard]] const std::vector<Row<Settings>>& top_rows();
[[nodiscard]] const std::vector<Row<Route>>& route_rows();

/// The reference, config/reference.md, from the rows.
[[nodiscard]] std::string reference_markdown();

}  // namespace larder::settings
