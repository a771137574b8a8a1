// Cache-Control and Pragma, read once into values (RFC 9111 5.2, 5.4).
#pragma once

#include "http/fields.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace larder::http {

using Seconds = std::chrono::duration<std::int64_t>;

/// What the Cache-Control lines of one message say together. Directive names are case-insensitive; unknown
/// directives are ignored; an argument may be a token or a quoted string. Durations are delta-seconds (RFC
/// 9111 1.2.2): one that overflows is 2^31 s. For a duration named twice the smaller counts; one that cannot
/// be read (negative, fractional, garbage, missing) counts as 0, that is as stale (RFC 9111 4.2.1), but a
/// request's unreadable one is ignored.
struct CacheControl {
  bool present = false;   // there was such a field at all
  bool targeted = false;  // it was one for caches of larder's kind (RFC 9213): Expires does not count either

  bool no_store = false;
  bool no_cache = false;  // without field names; a request's, or a response's
  bool no_transform = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool is_public = false;
  bool is_private = false;  // without field names
  bool immutable = false;
  bool only_if_cached = false;  // request

  std::vector<std::string>
      no_cache_fields;  // no-cache="a, b": lower case; a name that is no token is dropped
  std::vector<std::string> private_fields;

  std::optional<Seconds> max_age;
  std::optional<Seconds> s_maxage;
  std::optional<Seconds> stale_while_revalidate;  // RFC 5861
  std::optional<Seconds> stale_if_error;
  std::optional<Seconds> min_fresh;  // request
  std::optional<Seconds> max_stale;  // request; the largest duration where it has no argument
};

inline constexpr Seconds max_lifetime{std::int64_t{1} << 31};

/// What a response says to a shared cache in front of an origin: CDN-Cache-Control where it is there, a valid
/// Dictionary and not empty, in which case nothing else counts (RFC 9213 2.2), else Cache-Control. In the
/// former a directive without an argument is true, a duration an Integer (a negative one is as stale), a list
/// of field names a String; one of another type is ignored, as parameters are (2.1).
[[nodiscard]] CacheControl parse_response_cache_control(Fields fields);

/// no-transform in either field (RFC 9111 5.2.2.6): it speaks of the bytes, not of their keeping.
[[nodiscard]] bool forbids_transformation(Fields response);

/// Where there is no Cache-Control, `Pragma: no-cache` counts as `no-cache` (RFC 9111 5.4).
[[nodiscard]] CacheControl parse_request_cache_control(Fields fields);

}  // namespace larder::http
