// Whether a response may be stored, and the metadata under which it is (RFC 9111 3).
#pragma once

#include "http/gate.hpp"
#include "policy/outcome.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <variant>

namespace larder::policy {

/// How the request to the API differed from the client's.
struct UpstreamRequest {
  bool identity = false;  // Accept-Encoding: identity
  bool part = false;      // a range was requested, so a 206 is expected
  bool client_conditions =
      false;  // sent with the client's own conditions, so the response is for that client only
};

/// Decides from the head of a final response to a GET whether it may be stored; the body's size, completeness
/// and projection are checked later. Returns the metadata, or the reason why not. The entity_tag of the
/// result is the API's: code that changes the bytes must replace it.
///
/// On a ttl route, a 200 (with negative_ttl also a 404 or 410) is fresh for the ttl from its reception,
/// whatever lifetime the API gave it; directives against sharing apply unless `despite` names them. On a
/// standard route the response's fields decide.
[[nodiscard]] std::variant<StoredMeta, Detail> judge(const RequestFacts& request,
                                                     const settings::Route& route, int status,
                                                     http::Fields response, UpstreamRequest sent,
                                                     const ExchangeTimes& when);

/// Decides whether a 5xx that is not stored may be sent to all requests that wait for the fetch. nullopt if
/// it is for one client only (private, no-store, a cookie, credentials, 511). The result is stale from its
/// reception.
[[nodiscard]] std::optional<StoredMeta> judge_shared_error(const RequestFacts& request,
                                                           const settings::Route& route, int status,
                                                           http::Fields response, UpstreamRequest sent,
                                                           const ExchangeTimes& when);

[[nodiscard]] bool sets_cookie(http::Fields response) noexcept;

/// How a field line of a response that is stored is treated.
enum class FieldFate : std::uint8_t {
  stored,
  for_requesting_client,  // a cookie, an identifier of one request, or named by `private=` or `no-cache=`
                          // (RFC 9111 5.2.2.4, 5.2.2.7): sent only to the client whose request was forwarded
  dropped,  // hop-by-hop or listed by Connection (RFC 9111 3.1), or Age, which is computed for each response
            // (4)
};
[[nodiscard]] FieldFate fate_of(const http::Field& line, http::Fields response,
                                const http::CacheControl& directives);

}  // namespace larder::policy
