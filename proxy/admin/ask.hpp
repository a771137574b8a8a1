// One request and its answer, waited for: what the command line asks a running larder, and the API.
#pragma once

#include "settings/settings.hpp"

#include <chrono>
#include <string>
#include <variant>

namespace larder::admin {

struct Reply {
  int status = 0;  // 0: there is no answer, and `body` says why
  std::string body;
};

/// A running larder's admin listener.
struct Listener {
  settings::ListenAddress address;
  std::string token;  // empty = none
};

/// Waits for a few seconds at most. `json`: the request's body; empty = none.
[[nodiscard]] Reply ask(const Listener& listener, const std::string& method, const std::string& target,
                        const std::string& json = {});

/// GETs the target of the API and leaves when the head of the answer is there, which is then the body of the
/// reply. `patience`: between two pieces of it, and for connecting.
[[nodiscard]] Reply ask_for_head(const std::variant<settings::TcpAddress, settings::UnixAddress>& address,
                                 const std::string& authority, const std::string& target,
                                 std::chrono::milliseconds timeout);

}  // namespace larder::admin
