// What `larder check` says about a route's `fields` and `items` after it has seen a response.
#pragma once

#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::admin {

/// What the route's projection would not find in the body, as ends of sentences that begin with "the API's
/// response": names in `fields` that no item has, with the names that exist; a list that `items` should name.
/// Empty if every name is found, and for an empty list. Pure.
[[nodiscard]] std::vector<std::string> advise_projection(const settings::Route& route, std::string_view body);

}  // namespace larder::admin
