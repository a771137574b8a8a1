// Helpers for tables of documents and their projections.
#pragma once

#include "../catch.hpp"
#include "projection/projector.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace larder::projection {

inline std::ostream& operator<<(std::ostream& out, ProjectionError error) {
  return out << "(" << describe(error) << ")";
}

}  // namespace larder::projection

namespace larder::test {

using Fields = std::vector<std::string>;

inline projection::ProjectionRule rule(const Fields& fields, std::string_view items = {}) {
  std::string error;
  auto rule = projection::ProjectionRule::compile(fields, items, error);
  INFO(error);
  REQUIRE(rule);
  return *rule;
}

struct Projected {
  std::optional<projection::ProjectionError> error;
  std::string out;
};

/// Projects a copy of `json` that ends at the end of its allocation, so that a sanitizer detects reads beyond
/// it.
inline Projected project(std::string_view json, const projection::ProjectionRule& rule,
                         const projection::ProjectionLimits& limits = {},
                         projection::Workspace* workspace = nullptr) {
  const std::unique_ptr<char[]> copy(new char[json.size()]);
  std::copy(json.begin(), json.end(), copy.get());
  projection::Workspace own;
  Projected result;
  result.out = "left from before";
  result.error = projection::project({copy.get(), json.size()}, rule, limits,
                                     workspace == nullptr ? own : *workspace, result.out);
  if (result.error) CHECK(result.out.empty());
  return result;
}

/// Returns the projected document, or the error's description in parentheses.
inline std::string projected(std::string_view json, const Fields& fields, std::string_view items = {}) {
  const auto result = project(json, rule(fields, items));
  return result.error ? "(" + std::string(describe(*result.error)) + ")" : result.out;
}

inline const std::string not_json = "(" + std::string(describe(projection::ProjectionError::not_json)) + ")";
inline const std::string nothing_kept =
    "(" + std::string(describe(projection::ProjectionError::nothing_kept)) + ")";
inline const std::string wrong_shape =
    "(" + std::string(describe(projection::ProjectionError::wrong_shape)) + ")";

}  // namespace larder::test
