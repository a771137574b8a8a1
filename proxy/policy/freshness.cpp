#include "policy/freshness.hpp"

#include "http/date.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

constexpr Millis longest = http::max_lifetime;
// Limits heuristic lifetimes to a day: a guess should not outlive it. (RFC 7234 required a warning beyond
// that.)
constexpr Millis max_heuristic = std::chrono::hours{24};

std::optional<std::chrono::sys_seconds> date_of(http::Fields fields, FieldId id, WallTime now) {
  const auto* line = http::find(fields, id);
  if (line == nullptr) return std::nullopt;
  return http::parse_date(line->value, std::chrono::floor<std::chrono::seconds>(now));
}

// RFC 9111 5.1: only the first member counts, whether in one line or in several; it is ignored if it is not a
// number of seconds.
Millis age_value(http::Fields fields) {
  const auto* line = http::find(fields, FieldId::age);
  if (line == nullptr) return Millis{0};
  std::string_view rest = line->value;
  std::string_view first;
  const auto seconds = http::next_element(rest, first) ? http::parse_digits(first) : std::nullopt;
  if (!seconds) return Millis{0};
  const auto max_seconds = static_cast<std::uint64_t>(http::max_lifetime.count());
  return http::Seconds{static_cast<std::int64_t>(std::min(*seconds, max_seconds))};
}

// RFC 9111 5.3: an invalid Expires, such as "0", is in the past; so are several lines.
std::optional<Lifetime> expires_lifetime(http::Fields response, const ExchangeTimes& when) {
  const auto* line = http::find(response, FieldId::expires);
  if (line == nullptr) return std::nullopt;
  const auto expires = date_of(response, FieldId::expires, when.received.wall);
  const bool several = http::count(response, FieldId::expires) > 1;
  if (!expires || several) return Lifetime{Millis{0}, Lifetime::Source::expires};
  // RFC 9110 6.6.1: a response without Date is treated as generated when it was received.
  const auto date = date_of(response, FieldId::date, when.received.wall)
                        .value_or(std::chrono::floor<std::chrono::seconds>(when.received.wall));
  const auto value = std::clamp<Millis>(*expires - date, Millis{0}, longest);
  return Lifetime{value, Lifetime::Source::expires};
}

std::optional<Lifetime> heuristic_lifetime(http::Fields response, const ExchangeTimes& when) {
  const auto modified = date_of(response, FieldId::last_modified, when.received.wall);
  if (!modified) return std::nullopt;
  const auto date = date_of(response, FieldId::date, when.received.wall)
                        .value_or(std::chrono::floor<std::chrono::seconds>(when.received.wall));
  if (*modified > date) return std::nullopt;
  const Millis tenth = Millis{date - *modified} / 10;  // RFC 9111 4.2.2
  return Lifetime{std::min(tenth, max_heuristic), Lifetime::Source::heuristic};
}

}  // namespace

std::string_view name_of(Lifetime::Source source) noexcept {
  switch (source) {
    case Lifetime::Source::none:
      return "none";
    case Lifetime::Source::route_ttl:
      return "ttl of the route";
    case Lifetime::Source::s_maxage:
      return "s-maxage";
    case Lifetime::Source::max_age:
      return "max-age";
    case Lifetime::Source::expires:
      return "Expires";
    case Lifetime::Source::heuristic:
      return "heuristic";
  }
  return "none";
}

bool is_heuristically_cacheable(int status) noexcept {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
      return true;
    default:
      return false;
  }
}

Lifetime freshness_lifetime(int status, http::Fields response, const http::CacheControl& directives,
                            const ExchangeTimes& when) {
  // RFC 9111 4.2.1, in its order.
  if (directives.s_maxage) return {*directives.s_maxage, Lifetime::Source::s_maxage};
  if (directives.max_age) return {*directives.max_age, Lifetime::Source::max_age};
  if (!directives.targeted) {
    if (const auto lifetime = expires_lifetime(response, when)) return *lifetime;
  }
  if (is_heuristically_cacheable(status) || directives.is_public) {
    if (const auto lifetime = heuristic_lifetime(response, when)) return *lifetime;
  }
  return {};
}

Millis initial_age(http::Fields response, const ExchangeTimes& when) {
  const auto date = date_of(response, FieldId::date, when.received.wall);
  // RFC 9111 4.2.3. Dates have a resolution of one second, so fractions of a second do not count as age.
  const Millis apparent =
      date ? std::max<Millis>(std::chrono::floor<std::chrono::seconds>(when.received.wall) - *date, Millis{0})
           : Millis{0};
  const Millis delay = when.received.mono - when.requested.mono;
  const Millis corrected = age_value(response) + delay;
  return std::min(std::max(apparent, corrected), longest);
}

}  // namespace larder::policy
