// Whether a response may be stored, and what is then known of it (RFC 9111 3).
#pragma once

#include "http/gate.hpp"
#include "policy/outcome.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <variant>

namespace larder::policy {

/// What a fetch asked upstream for, beyond its client's request.
struct UpstreamRequest {
  bool identity = false;  // Accept-Encoding: identity
  bool part = false;      // a range: a 206 is what was asked for
  bool client_conditions =
      false;  // the client's own conditions went along: the response is for that client alone
};

/// Judges the head of a complete-to-be final response to a GET. The body's own tests, size, completeness and
/// projection, come later. The entity_tag of the result is upstream's; whoever changes the bytes replaces it.
///
/// With a ttl route, 200 (and 404, 410 with negative_ttl) is fresh for the ttl from its reception, whatever
/// lifetime upstream gave it; what speaks against sharing it counts unless `despite` names it. On a standard
/// route upstream's fields decide.
[[nodiscard]] std::variant<StoredMeta, Detail> judge(const RequestFacts& request,
                                                     const settings::Route& route, int status,
                                                     http::Fields response, UpstreamRequest sent,
                                                     const ExchangeTimes& when);

/// Judges a 5xx that is not stored: those who wait for it share it, as they would share a failure, unless it
/// is one client's alone (private, no-store, a cookie, credentials, 511). nullopt where it is. The result is
/// stale from its reception.
[[nodiscard]] std::optional<StoredMeta> judge_shared_error(const RequestFacts& request,
                                                           const settings::Route& route, int status,
                                                           http::Fields response, UpstreamRequest sent,
                                                           const ExchangeTimes& when);

/// Whether a response has a Set-Cookie.
[[nodiscard]] bool sets_cookie(http::Fields response) noexcept;

/// What becomes of a field line of a response that is stored.
enum class FieldFate : std::uint8_t {
  stored,
  for_requesting_client,  // a cookie, an identifier of one request, or named by `private=` or `no-cache=`
                          // (RFC 9111 5.2.2.4, 5.2.2.7): the client whose request it answers gets it, and no
                          // other
  dropped,  // hop-by-hop, or listed by Connection (RFC 9111 3.1); and Age, which is said anew (4)
};
[[nodiscard]] FieldFate fate_of(const http::Field& line, http::Fields response,
                                const http::CacheControl& directives);

}  // namespace larder::policy
