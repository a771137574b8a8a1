// Cache-Control and Pragma, parsed into values (RFC 9111 5.2, 5.4).
#pragma once

#include "http/fields.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace larder::http {

using Seconds = std::chrono::duration<std::int64_t>;

/// The directives of all Cache-Control lines of one message. Directive names are case-insensitive; unknown
/// directives are ignored; an argument may be a token or a quoted string. Durations are delta-seconds (RFC
/// 9111 1.2.2); one that overflows is 2^31 s. If a duration occurs twice, the smaller one counts. In a
/// response, an invalid duration (negative, fractional, garbage or missing) counts as 0, so the response is
/// stale (RFC 9111 4.2.1); in a request it is ignored.
struct CacheControl {
  bool present = false;   // the message has such a field
  bool targeted = false;  // from CDN-Cache-Control (RFC 9213); Expires is ignored then

  bool no_store = false;
  bool no_cache = false;  // without field names; in a request or a response
  bool no_transform = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool is_public = false;
  bool is_private = false;  // without field names
  bool immutable = false;
  bool only_if_cached = false;  // request

  std::vector<std::string>
      no_cache_fields;  // from no-cache="a, b": in lower case; names that are not tokens are ignored
  std::vector<std::string> private_fields;

  std::optional<Seconds> max_age;
  std::optional<Seconds> s_maxage;
  std::optional<Seconds> stale_while_revalidate;  // RFC 5861
  std::optional<Seconds> stale_if_error;
  std::optional<Seconds> min_fresh;  // request
  std::optional<Seconds> max_stale;  // request; max_lifetime if it has no argument
};

inline constexpr Seconds max_lifetime{std::int64_t{1} << 31};

/// The directives of a response for a shared cache in front of an origin. CDN-Cache-Control is used if it is
/// a valid, non-empty Dictionary; Cache-Control is then ignored (RFC 9213 2.2). In CDN-Cache-Control a
/// directive without an argument is true, a duration is an Integer (a negative one counts as 0), and a list
/// of field names is a String; members of other types, and parameters, are ignored (2.1).
[[nodiscard]] CacheControl parse_response_cache_control(Fields fields);

/// Whether Cache-Control or CDN-Cache-Control has no-transform (RFC 9111 5.2.2.6). Both are read, as the
/// directive is about the bytes and not about caching.
[[nodiscard]] bool forbids_transformation(Fields response);

/// The directives of a request. Without Cache-Control, `Pragma: no-cache` counts as `no-cache` (RFC 9111
/// 5.4).
[[nodiscard]] CacheControl parse_request_cache_control(Fields fields);

}  // namespace larder::http
