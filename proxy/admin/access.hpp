// Access control of the admin listener.
#pragma once

#include "http/gate.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::admin {

struct Answer {
  int status = 200;
  std::string text;  // JSON for 200 and 422, else a sentence that describes the error
};

/// Whether the Host is an address, localhost, or the name that the command line sends. Such names cannot be
/// redirected by foreign DNS (DNS rebinding).
[[nodiscard]] bool has_own_name(const http::RequestHead& head);

/// Whether the request has `Authorization: Bearer TOKEN` (RFC 6750 2.1). The comparison takes the same time
/// wherever the tokens differ.
[[nodiscard]] bool has_token(const http::RequestHead& head, std::string_view token);

/// Checks a request that changes something, to prevent cross-site request forgery: browsers say which site a
/// request comes from. Returns the reason for refusing it; nullopt if it is allowed.
[[nodiscard]] std::optional<Answer> against_change(const http::RequestHead& head);

}  // namespace larder::admin
