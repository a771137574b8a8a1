// Interim responses (RFC 9110 15.2), which are forwarded to the client before the final response.
#pragma once

#include "http/gate.hpp"
#include "store/head.hpp"

namespace larder::store {

/// The head of an interim response as it is forwarded: without hop-by-hop fields and Content-Length.
[[nodiscard]] MadeHead make_interim_head(const http::ResponseHead& head);

}  // namespace larder::store
