// The request that goes to the API: the client's, less what belongs to its connection, with framing of
// larder's own making.
#pragma once

#include "http/gate.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

struct RequestOptions {
  std::string_view client_address;      // for X-Forwarded-For; empty = not known (a Unix socket)
  std::string_view fallback_authority;  // Host for an HTTP/1.0 request without one
  bool as_get = false;                  // a HEAD that fills the store
  bool with_body = true;                // its framing is announced
  bool with_upgrade = false;            // Upgrade is passed on (RFC 9110 7.8)
  bool with_expect = true;
  // A fetch for the store asks for the whole, current representation, whatever part or condition the client
  // named.
  bool without_conditions = false;  // the preconditions are left out
  bool without_range = false;       // Range and If-Range are left out
  bool without_directives = false;  // and so are Cache-Control and Pragma
  bool identity = false;            // Accept-Encoding: identity, in place of the client's
  std::string_view if_none_match;   // validators of the stored response; empty = none
  std::string_view if_modified_since;
  std::optional<std::string_view> query;  // in place of the client's; empty = none
  std::string_view range;                 // a Range of larder's own, with If-Range; empty = none
  std::string_view if_range;
  bool without_trace = false;       // traceparent and tracestate are left out
  bool without_request_id = false;  // X-Request-ID is
  std::string_view more;            // field lines, each with its end
};

/// Replaces `out` by the request's head. Host and the target are as the client sent them (absolute-form
/// becomes origin-form); Via, X-Forwarded-For, -Proto and -Host are added (RFC 9110 7.6). A -Proto or -Host
/// that is there already is kept: a proxy in front set it.
void write_request(const http::RequestHead& head, const RequestOptions& options, std::string& out);

}  // namespace larder::upstream
