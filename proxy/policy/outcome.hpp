// What happened to a request, in the terms of RFC 9211. This one value feeds the Cache-Status field, the
// metrics and the log: nothing else explains a response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::policy {

/// Why a request went upstream (RFC 9211 2.2).
enum class Forward : std::uint8_t {
  none,       // it did not
  bypass,     // the route, or the request, is not for a cache
  method,     // the method's semantics need the origin
  uri_miss,   // nothing is stored for the key
  vary_miss,  // something is stored, but for other values of the Vary fields
  miss,       // nothing usable is stored, for a reason not told apart
  request,    // the request's own directives, or a forced refresh
  stale,      // what is stored has expired
  partial,    // what is stored has not all the bytes asked for
};
[[nodiscard]] std::string_view name_of(Forward forward) noexcept;

/// What else is to be said: why an answer was not stored, or why it is what it is. The `detail` of
/// Cache-Status, a label of the metrics, a field of the log.
enum class Detail : std::uint8_t {
  none,
  // The request is not for the cache.
  route_off,              // `cache: off`, or no route matches
  request_body,           // a GET or HEAD with a body
  request_authorization,  // a credential on a ttl route that neither its key nor `despite` names
  request_no_store,       // Cache-Control: no-store (RFC 9111 5.2.1.5)
  request_upgrade,        // Upgrade asked for, to a protocol that `upgrade` allows
  method_override,        // a GET or HEAD that names another method in a field
  ambiguous_path,         // servers may read the path in another way
  route_bypass,           // `bypass` names a cookie or a field of the request
  request_conditions,     // fetched with the client's own conditions
  head_miss,              // a HEAD for which nothing is stored
  hit_for_miss,           // the last answer for this key could not be shared; remembered for a short time
  // The answer must not be, or is not worth being, stored.
  status,           // a status that is never stored here
  partial_content,  // 206
  no_store,
  must_understand,  // with a status that larder does not understand
  is_private,
  no_cache,         // under a ttl; by the book it is stored and validated
  set_cookie,       // without `despite`
  authorization,    // answers a request with Authorization and does not say that it may be shared (RFC
                    // 9111 3.5)
  vary_any,         // Vary: *, or on a field that larder alters from fetch to fetch
  no_freshness,     // no explicit lifetime, no heuristic one, no validator
  body_too_large,   // more than cache.max_body
  superseded,       // a write went through while the answer was fetched
  not_json,         // projection: the answer is no well-formed JSON
  not_projectable,  // projection: not the shape that the rule names, coded, or out of bounds
  // Stored or served, with something to add.
  refresh_too_soon,  // ?refresh within refresh_min_interval was answered from the store
  stale_while_revalidate,
  soft_invalidation,  // a write or a purge made it stale: served once more while it is fetched anew
  stale_if_error,
  max_stale,        // the request accepts it (RFC 9111 5.2.1.2)
  only_if_cached,   // 504: nothing usable is stored
  max_forwards,     // answered as the final recipient (RFC 9110 7.6.2)
  unknown_field,    // 400: fields_param names what the route does not have
  upstream_failed,  // 502, 503 or 504 of our own
};
[[nodiscard]] std::string_view name_of(Detail detail) noexcept;
inline constexpr std::size_t detail_count = static_cast<std::size_t>(Detail::upstream_failed) + 1;

struct Outcome {
  bool hit = false;
  Forward forward = Forward::none;
  bool stored = false;
  bool collapsed = false;  // shared another request's fill
  Detail detail = Detail::none;
  std::optional<std::int64_t> ttl;  // seconds; negative for a stale hit
  int forward_status = 0;           // upstream's, where it differs from what the client got

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Appends `larder; hit; ttl=27`: the member that larder adds to Cache-Status (RFC 9211 2). `key` is
/// KeyView::url() of the primary key where it is to be shown (2.7), else empty.
void append_cache_status(const Outcome& outcome, std::string_view key, std::string& out);

/// One word for metrics and logs.
enum class OutcomeLabel : std::uint8_t {
  hit,
  stale,      // a hit that had expired
  collapsed,  // shared another request's fill
  miss,
  expired,      // fetched anew after its lifetime
  revalidated,  // renewed by upstream's 304
  refresh,      // fetched because the request asked for it
  bypass,
  method,
  refused,  // answered by larder itself
};
inline constexpr std::size_t label_count = static_cast<std::size_t>(OutcomeLabel::refused) + 1;
[[nodiscard]] OutcomeLabel label_of(const Outcome& outcome) noexcept;
[[nodiscard]] std::string_view name_of(OutcomeLabel word) noexcept;

}  // namespace larder::policy
