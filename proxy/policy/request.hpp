// What policy needs to know of a request, read once.
#pragma once

#include "http/cache_control.hpp"
#include "http/fields.hpp"
#include "http/gate.hpp"
#include "settings/settings.hpp"

#include <string_view>

namespace larder::policy {

struct RequestFacts {
  http::Method method = http::Method::unknown;
  http::Fields fields;            // views; the request's own bytes outlive the decision
  http::CacheControl directives;  // with Pragma where there is no Cache-Control
  const http::Field* if_none_match = nullptr;
  const http::Field* if_modified_since = nullptr;
  bool authorization = false;
  bool range = false;          // a GET for one byte range (RFC 9110 14.2); any other Range is as none
  bool preconditions = false;  // If-Match or If-Unmodified-Since
  bool body = false;
  bool upgrade = false;
  bool refresh = false;  // the route's refresh_param asks for a fetch
};

[[nodiscard]] RequestFacts facts_of(const http::RequestHead& head);

/// What a route's refresh parameter asks for.
enum class Refresh : std::uint8_t {
  absent,    // no such parameter, or a value that is no bool: it goes to the API untouched
  ordinary,  // false: an ordinary request for the same entry
  forced,    // true: fetch anew and refill
};
/// `name` empty = the route has none. The last one counts where there are several.
[[nodiscard]] Refresh refresh_asked(std::string_view query, std::string_view name);

}  // namespace larder::policy
