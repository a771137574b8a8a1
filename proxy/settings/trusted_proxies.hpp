// Peers whose forwarding fields are trusted (`trusted_proxies`).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// A network of addresses with a common prefix, or all peers on Unix sockets.
struct Network {
  std::array<std::uint8_t, 16> address{};  // an IPv4 address as IPv4-mapped (RFC 4291 2.5.5.2)
  unsigned prefix = 0;                     // bits of `address`
  bool unix_sockets = false;               // if set, `address` and `prefix` are unused
  std::string text;                        // as written

  friend bool operator==(const Network&, const Network&) = default;
};

/// Parses `10.0.0.0/8`, `192.0.2.7`, `::1`, `2001:db8::/32` or `unix`; nullopt and a message in `error` if it
/// is none of these.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text, std::string& error);

/// Whether one of the networks contains the peer. `peer` is a numeric address; empty for a Unix socket.
[[nodiscard]] bool contains(const std::vector<Network>& networks, std::string_view peer);

/// 127.0.0.0/8, ::1 and unix.
[[nodiscard]] std::vector<Network> default_trusted_proxies();

}  // namespace larder::settings
