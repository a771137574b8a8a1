// Asking a running larder: one request to its admin listener, for the command line.
#pragma once

#include "settings/settings.hpp"

#include <string>

namespace larder::admin {

struct Reply {
  int status = 0;  // 0: there is no answer, and `body` says why
  std::string body;
};

/// Waits for a few seconds at most. `json`: the request's body; empty = none.
[[nodiscard]] Reply ask(const settings::ListenAddress& address, const std::string& method,
                        const std::string& target, const std::string& json = {});

}  // namespace larder::admin
