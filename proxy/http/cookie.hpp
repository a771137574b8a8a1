// Cookies in a request (RFC 6265 4.2).
#pragma once

#include "http/fields.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::http {

/// The values of the cookie of that name, over all Cookie lines, as sent and in their order, each after a
/// line feed but the first; nullopt where there is none. Names are case-sensitive. Servers differ in which of
/// several they take, so all of them count.
[[nodiscard]] std::optional<std::string> cookie_values(Fields request, std::string_view name);

}  // namespace larder::http
