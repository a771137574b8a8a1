// Conditional requests that a stored response satisfies (RFC 9110 13.2, RFC 9111 4.3.2), and how a 304 or the
// response to a HEAD updates a stored response (RFC 9111 3.2, 4.3.5).
#pragma once

#include "http/fields.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <string_view>
#include <vector>

namespace larder::policy {

/// Whether the response to the request's If-None-Match or If-Modified-Since is a 304. If-Modified-Since is
/// evaluated only without If-None-Match (RFC 9110 13.2.2). Preconditions apply only to a stored 200 or a part
/// of one (13.2.1). `entity_tag` is that of the representation that would be sent.
[[nodiscard]] bool is_not_modified(const RequestFacts& request, const StoredMeta& stored,
                                   std::string_view entity_tag, WallTime now);

/// Whether a field of a stored 200 is omitted from a 304 because it describes the body, which is not sent
/// (RFC 9110 15.4.5). Fields for caches and CORS are kept.
[[nodiscard]] bool is_left_out_of_304(const http::Field& line) noexcept;

/// How the response to a HEAD affects the stored response to a GET (RFC 9111 4.3.5).
enum class HeadEffect : std::uint8_t {
  none,     // not a 200: no effect
  renews,   // the representation is unchanged: update the fields and times
  expires,  // the representation has changed, as a validator or the length differs
};
[[nodiscard]] HeadEffect head_effect(const StoredMeta& stored, std::uint64_t body_size, int status,
                                     http::Fields fresh);

/// The stored fields, updated by a 304 with the fields `fresh` (RFC 9111 3.2): a field in the 304 replaces
/// all stored lines of its name, except those that describe the stored body. Stored fields keep their order;
/// new names come last. The result has views into the bytes of both arguments.
[[nodiscard]] std::vector<http::Field> updated_fields(http::Fields stored, http::Fields fresh);

}  // namespace larder::policy
