// Freshness and age (RFC 9111 4.2).
#pragma once

#include "http/cache_control.hpp"
#include "http/fields.hpp"
#include "policy/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::policy {

/// How long a response is fresh, and who said so.
struct Lifetime {
  enum class Source : std::uint8_t { none, route_ttl, s_maxage, max_age, expires, heuristic };
  Millis value{0};
  Source source = Source::none;
};
[[nodiscard]] std::string_view name_of(Lifetime::Source source) noexcept;

/// When the request for a response was sent and its head received.
struct ExchangeTimes {
  Now requested;
  Now received;
};

/// RFC 9111 4.2.1 and 4.2.2, for a shared cache: s-maxage, max-age, Expires minus Date, else 10 % of the time
/// since Last-Modified for a status that is heuristically cacheable (or with `public`). Source::none where
/// nothing gives a lifetime.
[[nodiscard]] Lifetime freshness_lifetime(int status, http::Fields response,
                                          const http::CacheControl& directives, const ExchangeTimes& when);

/// corrected_initial_age (RFC 9111 4.2.3): apparent age and Age with the response delay, whichever is more.
[[nodiscard]] Millis initial_age(http::Fields response, const ExchangeTimes& when);

/// Status codes that may be given a heuristic lifetime (RFC 9110 15.1).
[[nodiscard]] bool is_heuristically_cacheable(int status) noexcept;

}  // namespace larder::policy
