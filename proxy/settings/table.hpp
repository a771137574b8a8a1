// Every key of the configuration, one row each: the single source of what the loader accepts, of its messages
// and of the reference. To add a key: add its member to Settings or Route, and one row to top_rows.cpp or
// route_rows.cpp.
#pragma once

#include "settings/report.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// What may be written as a value, for readers and for programs.
struct Form {
  enum class Kind : unsigned char { text, duration, size, number, choice };
  Kind kind = Kind::text;
  std::string name;         // what readers call it: `duration`, `address`
  std::string range;        // for readers; empty = any
  std::uint64_t least = 0;  // of a duration (ms), a size (bytes) or a number
  std::uint64_t greatest = 0;
  std::vector<std::string>
      words;                  // all that a choice has; otherwise what may stand in place of a value: `auto`
  bool list = false;          // a list of these; one alone may stand without brackets
  bool may_be_empty = false;  // `[]` means something
};

/// What a route must do for the key to mean anything.
enum class Needs : unsigned char { nothing, caching, ttl };

template <class Target>
struct Row {
  std::string name;  // with the mapping that it is in: `ttl`, `cache.memory`, `key.query`
  Form form;
  std::string meaning;                                           // one or two sentences
  std::function<void(Report&, const YAML::Node&, Target&)> set;  // from a value that is not null
  std::function<std::string(const Target&)> show;                // as YAML on one line; empty = absent
  Needs needs = Needs::nothing;
  bool secret = false;  // never shown

  [[nodiscard]] std::string default_value() const { return show(Target{}); }
};

/// `routes` itself has no row: the loader reads it by route_rows().
[[nodiscard]] const std::vector<Row<Settings>>& top_rows();
[[nodiscard]] const std::vector<Row<Route>>& route_rows();

/// config/larder.schema.json, from the rows: an editor completes and checks the file by it.
[[nodiscard]] std::string json_schema();

/// config/man/larder.yaml.5, from the rows.
[[nodiscard]] std::string manual_page();

/// A bound that no setting changes, for the reference. The test of the reference looks for `declaration` in
/// the file, so that a constant and its row cannot differ.
struct FixedBound {
  std::string what;
  std::string value;
  std::string effect;
  std::string file;         // under proxy/
  std::string declaration;  // as it is written there
};
[[nodiscard]] const std::vector<FixedBound>& fixed_bounds();

/// The reference, config/reference.md, from the rows and the fixed bounds.
[[nodiscard]] std::string reference_markdown();

}  // namespace larder::settings
