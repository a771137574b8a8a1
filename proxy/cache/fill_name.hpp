// The name of a fill in the table. Requests with the same name may share its response.
#pragma once

#include "policy/request.hpp"
#include "store/response.hpp"

#include <string>

namespace larder::cache {

/// The primary key, with the request's values of all fields that responses for it are known to vary by: those
/// in the route's key, and those of the stored variants (`entry` may be nullptr). `part`: for a fetch of a
/// range.
[[nodiscard]] std::string name_of_fill(std::string_view key, const settings::Route& route,
                                       const policy::RequestFacts& request, const store::Entry* entry,
                                       bool part);

}  // namespace larder::cache
