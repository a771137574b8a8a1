// The decision: what is done with a request, given what is stored (RFC 9111 4).
#pragma once

#include "policy/outcome.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <variant>

namespace larder::policy {

/// Answer with what is stored.
struct Serve {
  Outcome outcome;
};
/// Answer with what is stored, though stale, and fetch behind it.
struct ServeThenRefresh {
  Outcome outcome;
};
/// Fetch, or join a fetch that is under way.
struct Wait {
  Forward why = Forward::none;
  bool part = false;  // of the range that the request asks for, not of the whole
};
/// Fetch with the stored response's validators; a 304 renews it.
struct Validate {
  Forward why = Forward::none;
};
/// Send it on, store nothing.
struct Pass {
  Forward why = Forward::none;
  Detail detail = Detail::none;
};
/// Answer ourselves.
struct Refuse {
  int status = 504;
  Detail detail = Detail::none;
};
using Decision = std::variant<Serve, ServeThenRefresh, Wait, Validate, Pass, Refuse>;

/// What the store holds for the request's key.
struct Held {
  const StoredMeta* response = nullptr;  // the one whose secondary key matches
  bool other_variants = false;   // something is stored for the key, but for other values of the Vary fields
  bool soft = false;             // a write made the response stale that may be served once more
  bool being_refreshed = false;  // a refresh that was planned in time is under way, or about to begin
  bool forced = false;  // the request has been found to force a fetch: refresh_min_interval is behind it
};

/// `route` is the matching one. Held is looked at only where the request is for the cache: see is_for_cache.
[[nodiscard]] Decision decide(const RequestFacts& request, const settings::Route& route, const Held& held,
                              Now now);

/// Whether a request forces a fetch by its own wish (refresh parameter, no-cache, max-age, min-fresh), within
/// refresh_min_interval: then it gets what is fetched after it has come, and nothing else. `held` may be
/// nullptr.
[[nodiscard]] bool forces_fetch(const RequestFacts& request, const settings::Route& route,
                                const StoredMeta* held, Now now);

/// Whether the store may be asked at all; otherwise why not. The route may be nullptr (no route matches).
[[nodiscard]] std::variant<std::monostate, Pass> is_for_cache(const RequestFacts& request,
                                                              const settings::Route* route);

/// How upstream fails.
enum class Trouble : std::uint8_t {
  error_status,  // it answers 5xx
  disconnected,  // there is no answer of its
};
/// The statuses that count as an error there (RFC 5861 4).
[[nodiscard]] bool is_error_status(int status) noexcept;
/// Statuses that speak of the request (its conditions, range, syntax, size or rate) and not of the resource:
/// such a response neither ends nor extends the life of what is stored.
[[nodiscard]] bool is_about_the_request(int status) noexcept;
/// Whether a response with that status, which is not stored itself, ends the life of what is stored for the
/// request (design, invariant 6): it is final, no error that stale-if-error excuses, and not about the
/// request. One to a request with credentials may be meant for that client alone, and says nothing of the
/// shared response.
[[nodiscard]] bool supersedes(int status, const RequestFacts& request) noexcept;
/// Whether a stored response that is stale may answer while upstream fails: within stale-if-error, the stored
/// response's or the request's (RFC 5861 4), and, by the book, while it cannot be reached (RFC 9111 4.2.4).
[[nodiscard]] bool may_serve_on_error(const RequestFacts& request, const StoredMeta& held, Trouble trouble,
                                      Now now);

/// Whether a request that would wait for a fetch may have the stale response at once, as the last fetch
/// failed and the next is not due, or runs behind it: nobody waits for one failure after the other.
[[nodiscard]] bool may_serve_while_failing(const RequestFacts& request, const Decision& decision,
                                           const StoredMeta& held, Trouble trouble, Now now);

/// Seconds of freshness left, negative when stale (RFC 9211 2.4).
[[nodiscard]] std::int64_t ttl_seconds(const StoredMeta& held, MonoTime now);

}  // namespace larder::policy
