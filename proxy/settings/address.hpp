// Comparison of addresses. Internal to this module; parsing and formatting are in settings.hpp.
#pragma once

#include "settings/settings.hpp"

namespace larder::settings {

/// Whether the addresses conflict, so that a program cannot listen on both. Port 0 is different each time.
[[nodiscard]] bool same_address(const ListenAddress& a, const ListenAddress& b);
/// Whether a connection to `upstream` may arrive at `listener`: on this host, as far as can be determined
/// without resolving names.
[[nodiscard]] bool reaches(const std::variant<TcpAddress, UnixAddress>& upstream,
                           const ListenAddress& listener);
/// Whether the address is on loopback or a Unix socket.
[[nodiscard]] bool is_local(const ListenAddress& address);

}  // namespace larder::settings
