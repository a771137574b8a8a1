// Which addresses are the same. Of this room alone; how they are written is settings.hpp's.
#pragma once

#include "settings/settings.hpp"

namespace larder::settings {

/// Both cannot be listened on. Port 0 is another one each time.
[[nodiscard]] bool same_address(const ListenAddress& a, const ListenAddress& b);
/// Whoever connects to `upstream` may well arrive at `listener`: on this host, as far as can be told without
/// looking names up.
[[nodiscard]] bool reaches(const std::variant<TcpAddress, UnixAddress>& upstream,
                           const ListenAddress& listener);
/// On loopback or a Unix socket.
[[nodiscard]] bool is_local(const ListenAddress& address);

}  // namespace larder::settings
