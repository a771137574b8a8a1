// What a fill is called: who may wait for whom.
#pragma once

#include "http/fields.hpp"
#include "settings/settings.hpp"
#include "store/response.hpp"

#include <string>
#include <string_view>

namespace larder::fill {

/// Requests whose answers are known to differ do not wait for each other: the values of the Vary fields seen
/// so far, and of Origin, are part of it; of the range too where a `part` is fetched. `entry` may be nullptr.
[[nodiscard]] std::string name_of_fill(std::string_view key, const settings::Route& route,
                                       http::Fields request, const store::Entry* entry, bool part);

}  // namespace larder::fill
