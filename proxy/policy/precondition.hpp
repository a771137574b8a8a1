// Conditional requests answered from a stored response (RFC 9110 13.2, RFC 9111 4.3.2), and what a 304 from
// upstream makes of one (3.2).
#pragma once

#include "http/fields.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <string_view>
#include <vector>

namespace larder::policy {

/// True where the stored response answers the request's If-None-Match or If-Modified-Since with a 304.
/// If-Modified-Since is looked at only without If-None-Match (RFC 9110 13.2.2). Preconditions count for a
/// stored 200 alone, or a part of one (13.2.1).
/// `entity_tag` is of the representation that would be sent.
[[nodiscard]] bool is_not_modified(const RequestFacts& request, const StoredMeta& stored,
                                   std::string_view entity_tag, WallTime now);

/// Whether a field of a stored 200 is left out of a 304: it describes the body that is not sent (RFC
/// 9110 15.4.5). What guides caches and CORS stays.
[[nodiscard]] bool is_left_out_of_304(const http::Field& line) noexcept;

/// What the answer to a HEAD makes of the stored response to a GET (RFC 9111 4.3.5).
enum class HeadEffect : std::uint8_t {
  none,     // not a 200: it says nothing of what is stored
  renews,   // the same representation: fields and times are updated
  expires,  // another one: a validator or the length differs
};
[[nodiscard]] HeadEffect head_effect(const StoredMeta& stored, std::uint64_t body_size, int status,
                                     http::Fields fresh);

/// The stored fields after a 304 with `fresh` (RFC 9111 3.2): a field that the 304 has replaces the stored
/// ones of its name, except those that describe the stored body. Order: the stored order, new names at the
/// end. Views into both arguments' bytes.
[[nodiscard]] std::vector<http::Field> updated_fields(http::Fields stored, http::Fields fresh);

}  // namespace larder::policy
