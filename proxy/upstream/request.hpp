// The request that goes to the API: the client's, less what belongs to its connection, with framing of
// larder's own making.
#pragma once

#include "http/gate.hpp"
#include "policy/request.hpp"
#include "policy/tags.hpp"

#include <string>
#include <string_view>

namespace larder::upstream {

struct RequestOptions {
  policy::Arrival arrival = {};  // for X-Forwarded-For and the like
  std::string_view host = {};    // of the request, or of its key; empty is an error
  std::string_view target = {};  // path and query; empty = as the client sent them
  bool as_get = false;           // a HEAD that fills the store
  bool with_body = true;         // its framing is announced
  std::string_view upgrade =
      {};  // the protocols to which the connection may switch; empty = none (RFC 9110 7.8)
  bool with_expect = true;
  // A fetch for the store asks for the whole, current representation, whatever part or condition the client
  // named.
  bool without_conditions = false;      // the preconditions are left out
  bool without_range = false;           // Range and If-Range are left out
  bool without_directives = false;      // and so are Cache-Control and Pragma
  bool identity = false;                // Accept-Encoding: identity, in place of the client's
  std::string_view if_none_match = {};  // validators of the stored response; empty = none
  std::string_view if_modified_since = {};
  std::string_view range = {};  // a Range of larder's own, with If-Range; empty = none
  std::string_view if_range = {};
  bool without_trace = false;       // traceparent and tracestate are left out
  bool without_request_id = false;  // X-Request-ID is
  std::string_view more = {};       // field lines, each with its end
  /// Entity tags in the client's conditions that larder made, and the API's for the same; nullptr = none.
  const policy::TagTranslation* tags = nullptr;
};

/// Replaces `out` by the request's head. An absolute-form target becomes origin-form; Via and the fields of
/// policy::append_forwarded_fields are added (RFC 9110 7.6).
void write_request(const http::RequestHead& head, const RequestOptions& options, std::string& out);

}  // namespace larder::upstream
