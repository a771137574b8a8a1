// Cookies in a request (RFC 6265 4.2).
#pragma once

#include "http/fields.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::http {

/// The values of the cookie of that name, over all Cookie lines, as sent and in order, separated by line
/// feeds; nullopt if there is none. Names are case-sensitive. All values are returned because servers differ
/// in which of several they use.
[[nodiscard]] std::optional<std::string> cookie_values(Fields request, std::string_view name);

}  // namespace larder::http
