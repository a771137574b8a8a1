// Interim responses (RFC 9110 15.2), which go on to the requesting client ahead of the final one.
#pragma once

#include "http/gate.hpp"

#include <string>

namespace larder::http {

/// Replaces `out` by the head of an interim response: `head` without what belongs to the connection it came
/// on, and without Content-Length.
void write_interim(const ResponseHead& head, std::string& out);

}  // namespace larder::http
