// Who may ask the admin listener for what.
#pragma once

#include "http/gate.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::admin {

struct Answer {
  int status = 200;
  std::string text;  // JSON for 200 and 422, else a sentence
};

/// The Host is an address, localhost, or what the command line says: nobody else's DNS can lead such a name
/// elsewhere.
[[nodiscard]] bool has_own_name(const http::RequestHead& head);

/// `Authorization: Bearer TOKEN` (RFC 6750 2.1), compared in a time that does not depend on where they
/// differ.
[[nodiscard]] bool has_token(const http::RequestHead& head, std::string_view token);

/// Why a request that changes something is refused; nullopt where it is not. Browsers say where a request
/// comes from.
[[nodiscard]] std::optional<Answer> against_change(const http::RequestHead& head);

}  // namespace larder::admin
