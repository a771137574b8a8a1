// Freshness and age (RFC 9111 4.2).
#pragma once

#include "http/cache_control.hpp"
#include "http/fields.hpp"
#include "policy/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::policy {

/// A freshness lifetime and its source.
struct Lifetime {
  enum class Source : std::uint8_t { none, route_ttl, s_maxage, max_age, expires, heuristic };
  Millis value{0};
  Source source = Source::none;
};
[[nodiscard]] std::string_view name_of(Lifetime::Source source) noexcept;

/// When the request was sent, and when the head of its response was received.
struct ExchangeTimes {
  Now requested;
  Now received;
};

/// The freshness lifetime for a shared cache (RFC 9111 4.2.1, 4.2.2): s-maxage, max-age, Expires minus Date;
/// otherwise 10 % of the time since Last-Modified, if the status is heuristically cacheable or the response
/// is `public`. Source::none if there is none of these.
[[nodiscard]] Lifetime freshness_lifetime(int status, http::Fields response,
                                          const http::CacheControl& directives, const ExchangeTimes& when);

/// corrected_initial_age (RFC 9111 4.2.3): the apparent age, or Age plus the response delay, whichever is
/// greater.
[[nodiscard]] Millis initial_age(http::Fields response, const ExchangeTimes& when);

/// Status codes that may be given a heuristic lifetime (RFC 9110 15.1).
[[nodiscard]] bool is_heuristically_cacheable(int status) noexcept;

}  // namespace larder::policy
