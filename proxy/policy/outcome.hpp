// How a response was produced, in the terms of RFC 9211. Cache-Status, the metrics and the access log all
// derive from this one value, so that they cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::policy {

// One row per value: the enumerator, the word on the wire, and what it means, for documentation and
// `explain`.
// clang-format off

/// Why a request was forwarded to the API (RFC 9211 2.2).
#define LARDER_FORWARDS(X) \
  X(none, "", "not forwarded") \
  X(bypass, "bypass", "the cache was not used because of the route or the request") \
  X(method, "method", "the method's semantics require forwarding") \
  X(uri_miss, "uri-miss", "nothing is stored for the key") \
  X(vary_miss, "vary-miss", "something is stored, but no variant with the request's values of the Vary fields") \
  X(miss, "miss", "nothing usable is stored, for another reason") \
  X(request, "request", "the request's directives, or a forced refresh") \
  X(stale, "stale", "the stored response is stale") \
  X(partial, "partial", "the stored part does not have all the bytes requested")

/// Further explanation, with what to do about it: why the cache was not used, why the response was not stored, or why this response was
/// chosen. Sent as `detail` in Cache-Status; a label of the metrics and a field of the access log.
#define LARDER_DETAILS(X) \
  X(none, "", "", "") \
  /* The request does not use the cache. */ \
  X(route_off, "route-off", "the route has `cache: off`, or no route matches", "give the path a route with a ttl or cache: standard") \
  X(request_body, "request-body", "the request is a GET or HEAD with a body", "send the GET without a body") \
  X(request_authorization, "request-authorization", "the request has a credential that neither the route's `key` nor `despite` names", "if each client has its own credential: key: {headers: [authorization]}; if all clients may share the response: despite: [authorization]") \
  X(request_no_store, "request-no-store", "the request has Cache-Control: no-store (RFC 9111 5.2.1.5)", "remove the directive from the request, or write client_directives: ignore for the others") \
  X(request_upgrade, "request-upgrade", "the request upgrades to a protocol that `upgrade` allows", "none is needed: an upgraded connection is forwarded") \
  X(method_override, "method-override", "the request has a field or a parameter that overrides its method", "send the method itself, or remove the field") \
  X(ambiguous_path, "ambiguous-path", "servers may interpret the request's path differently", "send the path without dot segments, ';', backslashes or encoded slashes") \
  X(route_bypass, "route-bypass", "the route's `bypass` names a cookie or a field of the request", "none is needed: the route's bypass asks for it") \
  X(request_conditions, "request-conditions", "the request was forwarded with the client's own conditions", "none is needed: the client's own If-Match or If-Unmodified-Since is decided by the API") \
  X(head_miss, "head-miss", "the request is a HEAD, and nothing is stored", "none is needed: a GET is stored, and then answers HEAD too") \
  X(hit_for_miss, "hit-for-miss", "the last response for this key could not be shared, which is remembered for a short time", "find the reason of the last response: larder explain shows it") \
  /* The response must not be stored, or storing it is of no use. */ \
  X(status, "status", "responses with this status are not stored", "correct the API's error; negative_ttl stores 404 and 410") \
  X(partial_content, "partial-content", "the response is a 206 that cannot be stored", "none is needed: without Range the whole response is stored") \
  X(no_store, "no-store", "the response has Cache-Control: no-store", "if all clients may share the response: despite: [no-store], or remove the directive in the API") \
  X(must_understand, "must-understand", "the response has must-understand and a status that larder does not understand", "send a status that RFC 9110 defines") \
  X(is_private, "private", "the response has Cache-Control: private", "if all clients get the same response: despite: [private]; if each session has its own: key: {cookies: [...]} with it") \
  X(no_cache, "no-cache", "the response has Cache-Control: no-cache, and the route has a ttl", "if it may be reused for the ttl: despite: [no-cache]; or cache: standard, which validates it at each use") \
  X(set_cookie, "set-cookie", "the response sets a cookie", "if the cookie does not identify a client: despite: [set-cookie], which stores the response without it") \
  X(authorization, "authorization", "the request has Authorization, and no directive permits sharing (RFC 9111 3.5)", "let the API send Cache-Control: public or s-maxage, or write a ttl and key: {headers: [authorization]}") \
  X(vary_any, "vary-any", "the response has Vary: *, or names a field there that larder changes in each fetch", "name in Vary the fields that matter, or write cache: off") \
  X(no_freshness, "no-freshness", "the response has neither a freshness lifetime nor a validator", "write a ttl, or let the API send Cache-Control: max-age or an ETag") \
  X(body_too_large, "body-too-large", "the body is larger than cache.max_body", "raise cache.max_body, or request less, such as a smaller limit") \
  X(no_room, "no-room", "limits.bodies_in_flight is used up by other bodies that are being received", "raise limits.bodies_in_flight, or lower the size of the responses") \
  X(stream, "stream", "the response is a stream, which is forwarded while it arrives", "write cache: off for streams; a finite response needs another Content-Type") \
  X(slow, "slow", "the response was silent for upstream.fill_timeout, or not complete after upstream.total_timeout", "raise upstream.fill_timeout or upstream.total_timeout, or make the API send without pauses") \
  X(superseded, "superseded", "a write was sent, or a newer response arrived, while the response was fetched", "none is needed: the next request fetches the newer response") \
  X(mark_overflow, "mark-overflow", "so many writes were sent while the response was fetched that it is not known which of them concern it", "none is needed: the next request fetches the newer response") \
  X(not_json, "not-json", "the route projects, and the response is not well-formed JSON", "correct the API's response or its Content-Type, or remove fields and fields_param") \
  X(not_projectable, "not-projectable", "the route projects, and the response is sent whole: it has none of the fields (then it is stored), must not be transformed, has an unknown content coding, or exceeds a limit", "correct fields or items: larder check names the members that exist; or raise limits.json_depth, json_members") \
  /* The response was stored or served; the detail says why. */ \
  X(streamed, "streamed", "the response was sent while it was fetched and stored", "none is needed: the next request is a hit") \
  X(invalidated, "invalidated", "a write or a purge invalidated the stored response", "none is needed: the response was fetched again") \
  X(refresh_too_soon, "refresh-too-soon", "a forced refresh within refresh_min_interval of the last fetch", "lower refresh_min_interval if clients must get newer responses") \
  X(stale_while_revalidate, "stale-while-revalidate", "the response is stale and is being refreshed", "lower stale_while_revalidate if clients must not get stale responses") \
  X(soft_invalidation, "soft-invalidation", "the response is stale after a write or a soft purge, and is served once more while it is refreshed", "write invalidation: hard if clients must not get the earlier response") \
  X(stale_if_error, "stale-if-error", "the API failed, and a stale response was served instead", "find out why the API failed: the log and larder status name it") \
  X(max_stale, "max-stale", "the request's max-stale permits a stale response (RFC 9111 5.2.1.2)", "remove max-stale from the request") \
  X(only_if_cached, "only-if-cached", "the request has only-if-cached, and nothing usable is stored: 504", "request it without only-if-cached first") \
  X(max_forwards, "max-forwards", "larder responded as the final recipient, because of Max-Forwards: 0 (RFC 9110 7.6.2)", "remove Max-Forwards from the request") \
  X(unknown_field, "unknown-field", "fields_param names a field that the route does not have: 400", "request only members that the route's fields lists") \
  X(redirect, "redirect", "the listener redirects to https", "none is needed: use https") \
  X(refused, "refused", "larder refused the request, for the reason in the response's body", "correct the request") \
  X(upstream_failed, "upstream-failed", "the API could not be reached, or its response could not be used: 502, 503 or 504", "find out why the API failed: the log and larder status name it")

/// The outcome in one word, for metrics and logs.
#define LARDER_OUTCOME_LABELS(X) \
  X(hit, "hit", "served from the cache, fresh") \
  X(stale, "stale", "served from the cache, stale") \
  X(collapsed, "collapsed", "shared the fetch of another request") \
  X(miss, "miss", "fetched: nothing usable was stored") \
  X(expired, "expired", "fetched because the stored response was stale") \
  X(revalidated, "revalidated", "freshened by a 304") \
  X(refresh, "refresh", "fetched because the request required it") \
  X(bypass, "bypass", "forwarded without the cache") \
  X(method, "method", "forwarded because of its method") \
  X(refused, "refused", "generated by larder, without the cache or the API")

// NOLINTBEGIN(bugprone-macro-parentheses): names and counts cannot be in parentheses
#define LARDER_ENUMERATOR(name, ...) name,
#define LARDER_ONE(name, ...) +1
enum class Forward : std::uint8_t { LARDER_FORWARDS(LARDER_ENUMERATOR) };
enum class Detail : std::uint8_t { LARDER_DETAILS(LARDER_ENUMERATOR) };
enum class OutcomeLabel : std::uint8_t { LARDER_OUTCOME_LABELS(LARDER_ENUMERATOR) };
inline constexpr std::size_t detail_count = LARDER_DETAILS(LARDER_ONE);
inline constexpr std::size_t label_count = LARDER_OUTCOME_LABELS(LARDER_ONE);
#undef LARDER_ENUMERATOR
#undef LARDER_ONE
// NOLINTEND(bugprone-macro-parentheses)
// clang-format on

/// The word on the wire; "" for `none`.
[[nodiscard]] std::string_view name_of(Forward forward) noexcept;
[[nodiscard]] std::string_view name_of(Detail detail) noexcept;
[[nodiscard]] std::string_view name_of(OutcomeLabel label) noexcept;
/// A clause that completes "because".
[[nodiscard]] std::string_view meaning_of(Forward forward) noexcept;
[[nodiscard]] std::string_view meaning_of(Detail detail) noexcept;
[[nodiscard]] std::string_view meaning_of(OutcomeLabel label) noexcept;

/// What to write or change where the detail is not wanted; a sentence without a full stop.
[[nodiscard]] std::string_view remedy_of(Detail detail) noexcept;
/// The value with that word on the wire; nullopt if there is none.
[[nodiscard]] std::optional<Detail> detail_called(std::string_view word) noexcept;

/// Generates config/cache-status.md, the table of all these words.
[[nodiscard]] std::string cache_status_markdown();

struct Outcome {
  bool hit = false;
  Forward forward = Forward::none;
  bool stored = false;
  bool collapsed = false;  // shared the fill of another request
  Detail detail = Detail::none;
  std::optional<std::int64_t> ttl;  // seconds; negative for a stale hit
  int forward_status = 0;           // the API's status, if the client's differs; else 0

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Appends larder's member of Cache-Status, such as `larder; hit; ttl=27` (RFC 9211 2). `key` is
/// KeyView::url() of the primary key if the key is to be shown (2.7), else empty.
void append_cache_status(const Outcome& outcome, std::string_view key, std::string& out);

[[nodiscard]] OutcomeLabel label_of(const Outcome& outcome) noexcept;

}  // namespace larder::policy
