// The fields that a client selects of a projected response with the route's `fields_param`:
// `?fields=id,slug`.
#pragma once

#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

struct FieldsAsked {
  /// Sorted and without duplicates. Empty if the request selects everything that the route has.
  std::vector<std::string> fields;
  /// Why the selection is invalid, as a message for the client; empty if it is valid.
  std::string problem;

  /// Identifies the selection: equal for equal `fields`.
  [[nodiscard]] std::string name() const;
};

inline constexpr std::size_t max_fields_asked = 64;

/// Reads the selection from a query (without `?`). A name must be one of the route's `fields` or lie inside
/// one; if the route has none, any path is valid. Several parameters of that name are combined.
[[nodiscard]] FieldsAsked fields_asked(std::string_view query, const settings::Route& route);

/// The query without that parameter, as the API receives it.
[[nodiscard]] std::string query_without(std::string_view query, std::string_view parameter);

}  // namespace larder::policy
