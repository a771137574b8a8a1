// What proxies say of the original request: X-Forwarded-*, Forwarded (RFC 7239) and their like.
//
// Frameworks build links, redirects and cookies from these fields, so two requests that differ in them may
// get different responses. A trusted peer's go to the API and are in the secondary key; any other peer's have
// been removed by remove_forwarded, and larder says what it knows itself. Addresses are in no key: with them
// every client would have an entry of its own.
#pragma once

#include "http/gate.hpp"
#include "policy/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::policy {

/// Appends a field of role forwarded_original to RequestFacts::forwarded: `name=value`, name in lower case,
/// and a line feed. Of Forwarded, `for` and `by` are left out; a field with nothing left is left out whole.
void append_forwarded_text(const http::Field& line, std::string& out);

/// The field lines of this kind that larder adds or replaces on the way to the API, each with its end:
/// X-Forwarded-For, the request's own with the peer appended; where a trusted peer has not said them,
/// X-Forwarded-Proto and -Host; for any other peer also -Port and X-Real-IP. `host` is the Host that is sent.
void append_forwarded_fields(http::Fields request, const Arrival& arrival, std::string_view host,
                             std::string& out);

/// The value under which the API receives one of these fields, for Vary (RFC 9111 4.1); nullopt where it
/// receives none.
[[nodiscard]] std::optional<std::string> forwarded_value(std::string_view name, const RequestFacts& request);

}  // namespace larder::policy
