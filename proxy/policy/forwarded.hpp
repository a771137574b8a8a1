// Fields in which proxies describe the original request: X-Forwarded-*, Forwarded (RFC 7239) and the like.
//
// Frameworks build links, redirects and cookies from these fields, so requests that differ in them may get
// different responses. The fields of a trusted peer are sent to the API and are part of the secondary key.
// Those of any other peer have been removed by remove_forwarded, and larder sends its own. Addresses are not
// part of any key, as every client would otherwise have stored responses of its own.
#pragma once

#include "http/gate.hpp"
#include "policy/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::policy {

/// Appends a field of role forwarded_original to RequestFacts::forwarded, as `name=value` and a line feed;
/// the name is in lower case. The `for` and `by` parameters of Forwarded are omitted; if no other parameter
/// is left, nothing is appended.
void append_forwarded_text(const http::Field& line, std::string& out);

/// Appends the field for the subject of the client's certificate to RequestFacts::forwarded, likewise.
void append_client_text(const TlsClient& client, std::string& out);

/// Appends the forwarding fields that larder adds or replaces in a request to the API, each terminated by
/// CRLF. X-Forwarded-For: the request's own with the peer appended. X-Forwarded-Proto and -Host: unless a
/// trusted peer has sent them. X-Forwarded-Port and X-Real-IP: only if the peer is not trusted. The
/// field for the subject of the client's certificate. `host` is the
/// Host sent to the API.
void append_forwarded_fields(http::Fields request, const Arrival& arrival, std::string_view host,
                             std::string& out);

/// The value of a forwarding field as the API receives it, for Vary (RFC 9111 4.1); nullopt if the API does
/// not receive the field.
[[nodiscard]] std::optional<std::string> forwarded_value(std::string_view name, const RequestFacts& request);

}  // namespace larder::policy
