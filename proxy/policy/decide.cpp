#include "policy/decide.hpp"

#include "http/cookie.hpp"
#include "policy/part.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::Method;
using settings::CacheMode;

// Whether the request's directives accept a stored response of that age (RFC 9111 5.2.1). `stale_by` is the
// time since the response became stale; zero or negative while it is fresh.
bool request_accepts(const http::CacheControl& directives, Millis age, Millis stale_by, bool& by_max_stale) {
  if (directives.no_cache) return false;                          // 5.2.1.4
  if (directives.max_age && age > Millis{*directives.max_age}) {  // 5.2.1.1
    if (!directives.max_stale) return false;
  }
  if (directives.min_fresh && -stale_by < Millis{*directives.min_fresh}) return false;  // 5.2.1.3
  if (stale_by >= Millis{0}) {
    if (!directives.max_stale || stale_by > Millis{*directives.max_stale}) return false;  // 5.2.1.2
    by_max_stale = true;
  }
  return true;
}

bool refuses_stored(const http::CacheControl& directives) {
  return directives.no_cache || directives.max_age || directives.min_fresh;
}

Decision fetch(const RequestFacts& request, const settings::Route& route, const Held& held, Forward why) {
  if (request.directives.only_if_cached) return Refuse{504, Detail::only_if_cached};  // RFC 9111 5.2.1.7
  // RFC 9111 5.2.1.5: the response must not be stored, and therefore cannot be shared with other requests.
  if (request.directives.no_store) return Pass{Forward::request, Detail::request_no_store};
  const bool whole = held.response != nullptr && !held.response->part;
  if (whole && held.response->has_validator()) return Validate{why};
  // With `cache: ttl`, or if the route projects, HEAD and range requests fetch the whole representation, so
  // that responses to GET, HEAD and range requests agree in every field. With `cache: standard` a HEAD is
  // forwarded as a HEAD and a range request as a range request.
  const bool is_standard = route.cache == CacheMode::standard && !route.projects();
  if (is_standard && request.method == Method::head) return Pass{why, Detail::head_miss};
  return Wait{why, is_standard && request.range && !whole};
}

// Whether the request can force a fetch although the stored response is fresh (RFC 9111 5.2.1.1, 5.2.1.3,
// 5.2.1.4).
bool may_force(const RequestFacts& request) {
  return request.refresh || refuses_stored(request.directives);
}

// Within refresh_min_interval a request that would force a fetch is treated as an ordinary one, so that
// clients cannot load the API with forced fetches.
bool is_too_soon(const RequestFacts& request, const settings::Route& route, const StoredMeta& held, Now now) {
  return may_force(request) && now.mono - held.response_time < route.refresh_min_interval;
}

Outcome hit(const StoredMeta& held, Now now, Detail detail) {
  Outcome outcome;
  outcome.hit = true;
  outcome.ttl = ttl_seconds(held, now.mono);
  outcome.detail = detail;
  return outcome;
}

}  // namespace

std::int64_t ttl_seconds(const StoredMeta& held, MonoTime now) {
  const auto left = held.fresh_until - now;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left).count();
  return left.count() > 0
             ? seconds
             : std::min<std::int64_t>(
                   seconds,
                   -1);  // floor gives 0 at the moment of expiry; a stale response must have a negative ttl
}

namespace {

bool names_part_of(const settings::BypassRule& bypass, http::Fields request) {
  return std::any_of(bypass.headers.begin(), bypass.headers.end(),
                     [&](const auto& name) { return http::find(request, name) != nullptr; }) ||
         std::any_of(bypass.cookies.begin(), bypass.cookies.end(),
                     [&](const auto& name) { return http::cookie_values(request, name).has_value(); });
}

}  // namespace

std::variant<std::monostate, Pass> is_for_cache(const RequestFacts& request, const settings::Route* route) {
  if (request.method != Method::get && request.method != Method::head) {
    const bool off = route == nullptr || route->cache == CacheMode::off;
    return off ? Pass{Forward::bypass, Detail::route_off} : Pass{Forward::method, Detail::none};
  }
  if (route == nullptr || route->cache == CacheMode::off) return Pass{Forward::bypass, Detail::route_off};
  if (request.method_override) return Pass{Forward::bypass, Detail::method_override};
  if (request.ambiguous_path) return Pass{Forward::bypass, Detail::ambiguous_path};
  if (request.upgrade) return Pass{Forward::bypass, Detail::request_upgrade};
  if (request.body) return Pass{Forward::bypass, Detail::request_body};
  if (request.preconditions) return Pass{Forward::request, Detail::none};
  if (names_part_of(route->bypass, request.fields)) return Pass{Forward::bypass, Detail::route_bypass};
  if (route->cache == CacheMode::ttl && !route->despite.authorization &&
      has_foreign_credentials(request, *route))
    return Pass{Forward::bypass, Detail::request_authorization};
  return {};
}

Decision decide(const RequestFacts& request, const settings::Route& route, const Held& held, Now now) {
  if (held.response == nullptr) {
    if (request.refresh) return fetch(request, route, held, Forward::request);
    return fetch(request, route, held, held.other_variants ? Forward::vary_miss : Forward::uri_miss);
  }

  const StoredMeta& stored = *held.response;
  if (!has_bytes_for(request, stored, now.wall)) return fetch(request, route, held, Forward::partial);
  const bool too_soon = !held.forced && is_too_soon(request, route, stored, now);
  if (!too_soon && (request.refresh || (route.cache == CacheMode::ttl && request.directives.no_cache)))
    return fetch(request, route, held, Forward::request);

  const Millis stale_by = now.mono - stored.fresh_until;
  const bool stale = stale_by >= Millis{0};
  auto directives = request.directives;
  if (too_soon) {
    directives.no_cache = false;
    directives.max_age.reset();
    directives.min_fresh.reset();
  }

  if (stored.must_validate) return fetch(request, route, held, Forward::stale);  // 5.2.2.4
  if (!stale) {
    bool by_max_stale = false;
    if (!request_accepts(directives, stored.age(now.mono), stale_by, by_max_stale)) {
      return fetch(request, route, held, Forward::request);
    }
    if (held.soft) {
      if (stored.must_revalidate) return fetch(request, route, held, Forward::stale);
      auto outcome = hit(stored, now, Detail::soft_invalidation);
      outcome.ttl = -1;
      return ServeThenRefresh{outcome};
    }
    return Serve{hit(stored, now, too_soon ? Detail::refresh_too_soon : Detail::none)};
  }

  if (stored.must_revalidate) return fetch(request, route, held, Forward::stale);  // 4.2.4, 5.2.2.2
  bool by_max_stale = false;
  if (request_accepts(directives, stored.age(now.mono), stale_by, by_max_stale) && by_max_stale) {
    return Serve{hit(stored, now, Detail::max_stale)};
  }
  const bool within_window =
      held.being_refreshed || (stored.stale_while_revalidate && stale_by <= *stored.stale_while_revalidate);
  if (within_window && !refuses_stored(directives)) {
    return ServeThenRefresh{hit(stored, now, Detail::stale_while_revalidate)};  // RFC 5861 3
  }
  return fetch(request, route, held, Forward::stale);
}

bool forces_fetch(const RequestFacts& request, const settings::Route& route, const StoredMeta* held,
                  Now now) {
  return may_force(request) && (held == nullptr || !is_too_soon(request, route, *held, now));
}

bool may_serve_while_failing(const RequestFacts& request, const Decision& decision, const StoredMeta& held,
                             Trouble trouble, Now now) {
  auto why = Forward::none;
  if (const auto* wait = std::get_if<Wait>(&decision)) why = wait->why;
  if (const auto* validate = std::get_if<Validate>(&decision)) why = validate->why;
  return why == Forward::stale && !refuses_stored(request.directives) &&
         may_serve_on_error(request, held, trouble, now);
}

bool is_about_the_request(int status) noexcept {
  switch (status) {
    case 206:
    case 304:
    case 400:
    case 406:
    case 408:
    case 412:
    case 413:
    case 414:
    case 416:
    case 417:
    case 421:
    case 425:
    case 428:
    case 429:
    case 431:
    case 511:
      return true;
    default:
      return false;
  }
}

bool supersedes(int status, const RequestFacts& request) noexcept {
  return !request.credentials && status >= 200 && !is_error_status(status) && !is_about_the_request(status);
}

bool is_error_status(int status) noexcept {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

bool may_serve_on_error(const RequestFacts& request, const StoredMeta& held, Trouble trouble, Now now) {
  if (held.must_revalidate || held.must_validate || request.directives.no_cache) return false;
  const Millis stale_by = now.mono - held.fresh_until;
  if (stale_by < Millis{0}) return true;
  const auto within = [&](const auto& window) { return window && stale_by <= Millis{*window}; };
  return within(held.stale_if_error) || within(request.directives.stale_if_error) ||
         (trouble == Trouble::disconnected && within(held.stale_if_disconnected));
}

}  // namespace larder::policy
