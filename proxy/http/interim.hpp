// Interim responses (RFC 9110 15.2), which are forwarded to the client before the final response.
#pragma once

#include "http/gate.hpp"

#include <string>

namespace larder::http {

/// Writes to `out` the head of an interim response: `head` without hop-by-hop fields and Content-Length.
void write_interim(const ResponseHead& head, std::string& out);

}  // namespace larder::http
