// What a fill is called in the table: requests that may share its response join it.
#pragma once

#include "policy/request.hpp"
#include "store/response.hpp"

#include <string>

namespace larder::cache {

/// The primary key, and the request's values of all fields that are known to tell responses for it apart:
/// those that the route's keys always have, and those of the variants that are stored (`entry` may be
/// nullptr). `part`: of a range.
[[nodiscard]] std::string name_of_fill(std::string_view key, const settings::Route& route,
                                       const policy::RequestFacts& request, const store::Entry* entry,
                                       bool part);

}  // namespace larder::cache
