// Hosts with ports, as used in Host and in absolute-form targets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace larder::http {

enum class Scheme : std::uint8_t { http, https };
[[nodiscard]] constexpr std::string_view name_of(Scheme scheme) noexcept {
  return scheme == Scheme::https ? "https" : "http";
}

/// Whether `text` is an authority without user information (RFC 9110 4.2, 7.2): a reg-name, an IPv4 address
/// or a bracketed IPv6 address, with an optional port, which may be empty (`api.test:`).
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// Appends an authority in the normal form in which larder compares and sends authorities (RFC 9110 4.2.3,
/// RFC 3986 6.2.3): lower case, the port without leading zeros, and without a port that is empty or the
/// scheme's default.
void append_authority(std::string_view authority, Scheme scheme, std::string& out);

/// Whether both have the same normal form.
[[nodiscard]] bool same_authority(std::string_view a, std::string_view b, Scheme scheme = Scheme::http);

}  // namespace larder::http
