// What a client asks of a projected answer by the route's `fields_param`: `?fields=id,slug`.
#pragma once

#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

struct FieldsAsked {
  /// Sorted, each once: order and duplicates make no difference. Empty where no less is asked for than the
  /// route gives.
  std::vector<std::string> fields;
  /// Why it cannot be given, as a sentence that lists the names there are; empty where it can.
  std::string problem;

  /// What tells one such shape from another.
  [[nodiscard]] std::string name() const;
};

inline constexpr std::size_t max_fields_asked = 64;

/// `query` without '?'. A name is one of the route's `fields` or lies inside one; where the route has none,
/// anything goes. A parameter that comes again adds to the first.
[[nodiscard]] FieldsAsked fields_asked(std::string_view query, const settings::Route& route);

/// The query without that parameter; upstream knows nothing of it.
[[nodiscard]] std::string query_without(std::string_view query, std::string_view parameter);

}  // namespace larder::policy
