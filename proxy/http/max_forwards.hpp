// Max-Forwards (RFC 9110 7.6.2), and what the final recipient of a TRACE sends back (9.3.8).
#pragma once

#include "http/gate.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace larder::http {

/// How many times a request may still be forwarded: 0 = this proxy is its final recipient; otherwise one less
/// is to be sent on. nullopt where nothing limits it: the method is neither OPTIONS nor TRACE, or there is no
/// Max-Forwards, or none that can be read (no decimal, several lines), which goes on as it is.
[[nodiscard]] std::optional<std::uint64_t> forwards_left(Method method, Fields request) noexcept;

/// Replaces `out` by the request as message/http, for the answer to a TRACE. Fields that carry credentials
/// are left out.
void write_trace(const RequestHead& head, std::string& out);

}  // namespace larder::http
