// Max-Forwards (RFC 9110 7.6.2) and the response to TRACE (9.3.8).
#pragma once

#include "http/gate.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace larder::http {

/// The remaining number of times a request may be forwarded: at 0 this proxy is the final recipient,
/// otherwise the value forwarded is one less. nullopt if there is no limit: the method is neither OPTIONS nor
/// TRACE, or Max-Forwards is missing or invalid (not a decimal, several lines); an invalid field is forwarded
/// unchanged.
[[nodiscard]] std::optional<std::uint64_t> forwards_left(Method method, Fields request) noexcept;

/// Writes to `out` the request as message/http, the content of the response to a TRACE. Fields that carry
/// credentials are omitted.
void write_trace(const RequestHead& head, std::string& out);

}  // namespace larder::http
