// Decides how to handle a request, given what is stored for it (RFC 9111 4). Pure functions of the request's
// facts, the route, the stored response and the time; callable from any thread.
#pragma once

#include "policy/outcome.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <variant>

namespace larder::policy {

/// Send the stored response.
struct Serve {
  Outcome outcome;
};
/// Send the stored response although it is stale, and refresh it in the background.
struct ServeThenRefresh {
  Outcome outcome;
};
/// Fetch, or join a fetch for the same key that is under way (collapsed forwarding).
struct Wait {
  Forward why = Forward::none;
  bool part = false;  // fetch only the range that the request names
};
/// Revalidate: fetch with the stored response's validators. A 304 freshens the stored response.
struct Validate {
  Forward why = Forward::none;
};
/// Forward the request without using or filling the cache.
struct Pass {
  Forward why = Forward::none;
  Detail detail = Detail::none;
};
/// Respond without the API.
struct Refuse {
  int status = 504;
  Detail detail = Detail::none;
};
using Decision = std::variant<Serve, ServeThenRefresh, Wait, Validate, Pass, Refuse>;

/// What is stored for the request's primary key.
struct Held {
  const StoredMeta* response = nullptr;  // the variant that matches the request, or nullptr
  bool other_variants = false;           // variants with other secondary keys are stored
  bool soft = false;             // a write or soft purge made the response stale; it may be served once more
  bool being_refreshed = false;  // a scheduled refresh is about to start or under way
  bool forced = false;           // known to force a fetch; refresh_min_interval is not applied again
};

/// Decides for a request that `is_for_cache` accepts; `route` is the route that matches it.
[[nodiscard]] Decision decide(const RequestFacts& request, const settings::Route& route, const Held& held,
                              Now now);

/// Whether a request forces a fetch, by the route's refresh parameter, no-cache, max-age or min-fresh, and
/// refresh_min_interval permits it. Such a request may be given only a response that was fetched after the
/// request arrived. `held` is the stored response; nullptr if there is none.
[[nodiscard]] bool forces_fetch(const RequestFacts& request, const settings::Route& route,
                                const StoredMeta* held, Now now);

/// Whether the request may use the cache; if not, the Pass says why. `route` is nullptr if no route matches.
[[nodiscard]] std::variant<std::monostate, Pass> is_for_cache(const RequestFacts& request,
                                                              const settings::Route* route);

/// How the API failed.
enum class Trouble : std::uint8_t {
  error_status,  // it responded with an error status (is_error_status)
  disconnected,  // no response was received
};
/// The status codes that stale-if-error covers (RFC 5861 4).
[[nodiscard]] bool is_error_status(int status) noexcept;
/// Whether the status concerns the request (its conditions, range, syntax, size or rate) and not the
/// resource. Such a response neither supersedes nor freshens a stored one.
[[nodiscard]] bool is_about_the_request(int status) noexcept;
/// Whether a response that is not stored ends the use of the stored response (design, invariant 6): it is
/// final, it is not an error that stale-if-error covers, and its status does not concern the request alone.
/// Responses to requests with credentials never supersede, because they may be specific to that client.
[[nodiscard]] bool supersedes(int status, const RequestFacts& request) noexcept;
/// Whether a stored response may be served while the API fails: within the stale-if-error window of the
/// stored response or of the request (RFC 5861 4) or, under `cache: standard`, while the API is disconnected
/// (RFC 9111 4.2.4).
[[nodiscard]] bool may_serve_on_error(const RequestFacts& request, const StoredMeta& held, Trouble trouble,
                                      Now now);

/// Whether a request that would wait for a fetch may get the stale response at once, because the last fetch
/// failed and the next one either is not due yet or runs in the background. Without this, every request would
/// wait for another failure.
[[nodiscard]] bool may_serve_while_failing(const RequestFacts& request, const Decision& decision,
                                           const StoredMeta& held, Trouble trouble, Now now);

/// Remaining freshness lifetime in seconds; negative if the response is stale (RFC 9211 2.4).
[[nodiscard]] std::int64_t ttl_seconds(const StoredMeta& held, MonoTime now);

}  // namespace larder::policy
