// The authority of a Host field or an absolute-form target (RFC 9110 7.2, RFC 3986 3.2).
#pragma once

#include <string_view>

namespace larder::http {

/// A host (registered name, IPv4 or bracketed IPv6 literal) with an optional port: nothing else, and not
/// empty.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// Equal apart from case and the default port.
[[nodiscard]] bool same_authority(std::string_view a, std::string_view b) noexcept;

}  // namespace larder::http
