// A blocking HTTP client for single requests, used by the commands for the admin listener and for the API.
#pragma once

#include "settings/settings.hpp"

#include <chrono>
#include <string>
#include <variant>

namespace larder::admin {

struct Reply {
  int status = 0;  // 0: no response was received, and `body` has the reason
  std::string body;
};

/// The admin listener of a running larder.
struct Listener {
  settings::ListenAddress address;
  std::string token;  // empty = none
};

/// Sends a request and waits a few seconds at most for the response. `json` is the request's body; empty if
/// none.
[[nodiscard]] Reply ask(const Listener& listener, const std::string& method, const std::string& target,
                        const std::string& json = {});

/// Sends a GET to the API and reads only the head of the response, which is returned as the body. `timeout`
/// applies to connecting and to each read.
[[nodiscard]] Reply ask_for_head(const std::variant<settings::TcpAddress, settings::UnixAddress>& address,
                                 const std::string& authority, const std::string& target,
                                 std::chrono::milliseconds timeout);

}  // namespace larder::admin
