// Which peers are believed in what they say of the original request (`trusted_proxies`).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// Addresses that share a prefix, or every peer on a Unix socket.
struct Network {
  std::array<std::uint8_t, 16> address{};  // an IPv4 address as IPv4-mapped (RFC 4291 2.5.5.2)
  unsigned prefix = 0;                     // bits of `address`
  bool unix_sockets = false;               // then the others mean nothing
  std::string text;                        // as written

  friend bool operator==(const Network&, const Network&) = default;
};

/// `10.0.0.0/8`, `192.0.2.7`, `::1`, `2001:db8::/32` or `unix`; nullopt and what is wrong in `error`
/// otherwise.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text, std::string& error);

/// Whether one of the networks has that peer; `peer` is a numeric address, or empty for a Unix socket.
[[nodiscard]] bool contains(const std::vector<Network>& networks, std::string_view peer);

/// 127.0.0.0/8, ::1 and unix.
[[nodiscard]] std::vector<Network> default_trusted_proxies();

}  // namespace larder::settings
