// The table of all configuration keys, one row each: the single source of what the loader accepts, of its
// messages and of the reference. To add a key, add its member to Settings or Route and one row to
// top_rows.cpp, limit_rows.cpp or route_rows.cpp.
#pragma once

#include "settings/report.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// The syntax of a value, for documentation and for the JSON Schema.
struct Form {
  enum class Kind : unsigned char { text, duration, size, number, choice };
  Kind kind = Kind::text;
  std::string name;         // as named in documentation: `duration`, `address`
  std::string range;        // for documentation; empty if any value is valid
  std::uint64_t least = 0;  // minimum of a duration (ms), a size (bytes) or a number
  std::uint64_t greatest = 0;
  std::vector<std::string>
      words;  // all words of a choice; for other kinds, words that are valid instead of a value: `auto`
  std::string pattern = {};   // of a text: an ECMA 262 regular expression that every valid one matches
  bool or_names = false;      // a choice: a list of names is valid as well
  bool list = false;          // a list of such values; a single value needs no brackets
  bool may_be_empty = false;  // `[]` is valid
  /// Mappings that are valid instead of a text, by the rows of which they are read.
  enum class Mapping : unsigned char { none, listener, admin, certificate };
  Mapping mapping = Mapping::none;
};

/// What a key requires of its route to have an effect.
enum class Needs : unsigned char { nothing, caching, ttl };

/// Whether a key's value is part of Route::config_fingerprint: `included` if it determines the bytes or the
/// meaning of stored responses, or which requests may share them. After such a change, what is stored is not
/// used. Excluded: limits, timeouts, and lifetimes, which apply to the responses that are fetched afterwards.
enum class Fingerprint : bool { excluded, included };

template <class Target>
struct Row {
  Row(std::string its_name, Form its_form, Fingerprint its_fingerprint, std::string its_meaning)
      : name(std::move(its_name)),
        form(std::move(its_form)),
        fingerprint(its_fingerprint),
        meaning(std::move(its_meaning)) {}

  std::string name;  // including its mapping: `ttl`, `cache.memory`, `key.query`
  Form form;
  Fingerprint fingerprint;
  std::string meaning;                                           // one or two sentences
  std::function<void(Report&, const YAML::Node&, Target&)> set;  // the node is not null
  std::function<std::string(const Target&)> show;                // as YAML on one line; empty if absent
  Needs needs = Needs::nothing;
  bool secret = false;  // the value is never shown

  [[nodiscard]] std::string default_value() const { return show(Target{}); }
};

/// `routes` has no row: the loader reads it using route_rows().
[[nodiscard]] const std::vector<Row<Settings>>& top_rows();
[[nodiscard]] const std::vector<Row<Route>>& route_rows();

/// Of a listener that is written as a mapping, and of one of the `certificates` in it.
[[nodiscard]] const std::vector<Row<Listener>>& listener_rows();
[[nodiscard]] const std::vector<Row<CertificateFiles>>& certificate_rows();
/// Whether a key of a listener is one of the admin listener too.
[[nodiscard]] bool is_for_admin(std::string_view name) noexcept;

/// Generates config/larder.schema.json, which editors use to complete and check the file.
[[nodiscard]] std::string json_schema();

/// Generates config/man/larder.yaml.5.
[[nodiscard]] std::string manual_page();

/// A bound that is not configurable, for the reference. The test of the reference searches the file for
/// `declaration`, so that the constant and this row cannot differ.
struct FixedBound {
  std::string what;
  std::string value;
  std::string effect;
  std::string file;         // under proxy/
  std::string declaration;  // as written there
};
[[nodiscard]] const std::vector<FixedBound>& fixed_bounds();

/// Generates config/reference.md from the rows and the fixed bounds.
[[nodiscard]] std::string reference_markdown();

}  // namespace larder::settings
