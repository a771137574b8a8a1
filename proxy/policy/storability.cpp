#include "policy/storability.hpp"

#include "http/date.hpp"
#include "http/media_type.hpp"
#include "http/text.hpp"
#include "policy/groups.hpp"
#include "policy/part.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;
using settings::CacheMode;

// How long a stale response may be served while the API is disconnected, if neither the route nor the
// response sets stale-if-error (RFC 9111 4.2.4 has no limit).
constexpr Millis max_disconnected = std::chrono::hours{24};

// Status codes whose caching semantics are implemented (must-understand; RFC 9111 3, 5.2.2.3).
bool is_understood(int status) noexcept {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 302:
    case 303:
    case 307:
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

// The directive that forbids sharing a response on a ttl route, unless `despite` overrides it.
Detail against_ttl(const RequestFacts& request, const settings::Route& route,
                   const http::CacheControl& directives) {
  const auto& despite = route.despite;
  if (directives.no_store && !despite.no_store) return Detail::no_store;
  if ((directives.is_private || !directives.private_fields.empty()) && !despite.is_private)
    return Detail::is_private;
  if ((directives.no_cache || !directives.no_cache_fields.empty()) && !despite.no_cache)
    return Detail::no_cache;
  if (!despite.authorization && has_foreign_credentials(request, route)) return Detail::authorization;
  return Detail::none;
}

// RFC 9111 3, for a shared cache.
Detail against_standard(const RequestFacts& request, const settings::Route& route, int status,
                        http::Fields response, UpstreamRequest sent, const http::CacheControl& directives) {
  if (status < 200) return Detail::status;
  if (status == 206 && (!sent.part || !part_of(response))) return Detail::partial_content;
  if (directives.must_understand) {
    if (!is_understood(status)) return Detail::must_understand;
  } else if (directives.no_store) {  // 5.2.2.3: beside must-understand, no-store is meant for caches that do
                                     // not understand the status
    return Detail::no_store;
  }
  if (directives.is_private) return Detail::is_private;
  if (!(directives.is_public || directives.s_maxage || directives.must_revalidate) &&  // 3.5
      has_foreign_credentials(request, route)) {
    return Detail::authorization;
  }
  const bool explicitly = directives.is_public || directives.max_age || directives.s_maxage ||
                          (!directives.targeted && http::find(response, FieldId::expires) != nullptr);
  if (!explicitly && !is_heuristically_cacheable(status)) return Detail::status;
  return Detail::none;
}

// A stream without a length may never end.
bool is_stream(http::Fields response) {
  const auto* type = http::find(response, FieldId::content_type);
  return type != nullptr && http::is_stream_type(type->value) &&
         http::find(response, FieldId::content_length) == nullptr;
}

bool excludes_cookie(const http::CacheControl& directives) {
  const auto has = [](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [](const auto& name) { return http::iequals(name, "Set-Cookie"); });
  };
  return has(directives.private_fields) || has(directives.no_cache_fields);
}

// Responses to a request's own conditions or range (RFC 9110 13, 14) do not represent the resource; RFC 6585
// forbids storing its four status codes.
bool is_never_stored(int status) noexcept {
  switch (status) {
    case 304:
    case 412:
    case 416:
    case 428:
    case 429:
    case 431:
    case 511:
      return true;
    default:
      return false;
  }
}

Millis ttl_for(const settings::Route& route, int status) {
  return status == 200 ? route.ttl : route.negative_ttl.value_or(Millis{0});
}

bool has_ttl(const settings::Route& route, int status) {
  return status == 200 || ((status == 404 || status == 410) && route.negative_ttl);
}

std::optional<Millis> window(const std::optional<Millis>& configured,
                             const std::optional<http::Seconds>& received) {
  if (configured) return configured;
  if (received) return Millis{*received};
  return std::nullopt;
}

void read_validators(http::Fields response, const ExchangeTimes& when, StoredMeta& meta) {
  const auto wall = std::chrono::floor<std::chrono::seconds>(when.received.wall);
  if (const auto* line = http::find(response, FieldId::etag)) {
    meta.upstream_entity_tag = line->value;
    meta.entity_tag = line->value;
  }
  if (const auto* line = http::find(response, FieldId::last_modified)) {
    meta.upstream_last_modified = line->value;
    meta.last_modified = http::parse_date(line->value, wall);
  }
  if (const auto* line = http::find(response, FieldId::date)) meta.date = http::parse_date(line->value, wall);
}

void set_lifetime(const settings::Route& route, http::Fields response, const http::CacheControl& directives,
                  const ExchangeTimes& when, StoredMeta& meta) {
  meta.response_time = when.received.mono;
  meta.initial_age = initial_age(response, when);
  meta.upstream_age = http::find(response, FieldId::age) != nullptr;
  if (route.cache == CacheMode::ttl) {
    meta.lifetime = {ttl_for(route, meta.status), Lifetime::Source::route_ttl};
    meta.fresh_until = meta.response_time + meta.lifetime.value;
    return;
  }
  meta.lifetime = freshness_lifetime(meta.status, response, directives, when);
  meta.fresh_until = meta.response_time + (meta.lifetime.value - meta.initial_age);  // RFC 9111 4.2
  meta.must_validate = directives.no_cache;
  meta.must_revalidate =
      directives.must_revalidate || directives.proxy_revalidate || directives.s_maxage.has_value();
}

}  // namespace

bool sets_cookie(http::Fields response) noexcept {
  return http::find(response, FieldId::set_cookie) != nullptr;
}

std::optional<StoredMeta> judge_shared_error(const RequestFacts& request, const settings::Route& route,
                                             int status, http::Fields response, UpstreamRequest sent,
                                             const ExchangeTimes& when) {
  if (status < 500 || status > 599 || status == 511) return std::nullopt;
  const auto directives = http::parse_response_cache_control(response);
  if (against_ttl(request, route, directives) != Detail::none) return std::nullopt;
  if (sets_cookie(response) || sent.client_conditions || request.directives.no_store) return std::nullopt;
  auto secondary = secondary_key(request, response, route, sent.identity);
  if (!secondary) return std::nullopt;
  StoredMeta meta;
  meta.status = status;
  meta.secondary = std::move(*secondary);
  read_validators(response, when, meta);
  meta.response_time = meta.fresh_until = when.received.mono;
  meta.initial_age = initial_age(response, when);
  meta.upstream_age = http::find(response, FieldId::age) != nullptr;
  return meta;
}

std::variant<StoredMeta, Detail> judge(const RequestFacts& request, const settings::Route& route, int status,
                                       http::Fields response, UpstreamRequest sent,
                                       const ExchangeTimes& when) {
  const auto directives = http::parse_response_cache_control(response);
  const bool by_ttl = route.cache == CacheMode::ttl;
  if (by_ttl && !has_ttl(route, status)) return status == 206 ? Detail::partial_content : Detail::status;
  if (is_never_stored(status) || (status >= 400 && !route.store_errors)) return Detail::status;
  const auto against = by_ttl ? against_ttl(request, route, directives)
                              : against_standard(request, route, status, response, sent, directives);
  if (against != Detail::none) return against;
  if (is_stream(response)) return Detail::stream;
  // RFC 9111 7.3 permits storing a response with Set-Cookie, but then clients would share a session. It is
  // stored without the cookie if the API permits that by naming Set-Cookie in private= or no-cache= (5.2.2.4,
  // 5.2.2.7).
  if (sets_cookie(response) && !route.despite.set_cookie && !excludes_cookie(directives))
    return Detail::set_cookie;
  if (sent.client_conditions) return Detail::request_conditions;
  if (request.directives.no_store) return Detail::request_no_store;  // RFC 9111 5.2.1.5

  auto secondary = secondary_key(request, response, route, sent.identity);
  if (!secondary) return Detail::vary_any;

  StoredMeta meta;
  meta.status = status;
  if (status == 206) meta.part = part_of(response);
  meta.secondary = std::move(*secondary);
  meta.groups = groups_of(response);
  for (const auto& group : route.groups) {
    if (std::find(meta.groups.begin(), meta.groups.end(), group) == meta.groups.end())
      meta.groups.push_back(group);
  }
  read_validators(response, when, meta);
  set_lifetime(route, response, directives, when, meta);
  // Under a ttl must-revalidate does not limit the route's own windows, but it does the API's (RFC 5861 has
  // no rule for a response with both).
  const bool is_strict = by_ttl && (directives.must_revalidate || directives.proxy_revalidate);
  const auto of_api = [&](const auto& window) { return is_strict ? std::nullopt : window; };
  meta.stale_while_revalidate =
      window(route.stale_while_revalidate, of_api(directives.stale_while_revalidate));
  meta.stale_if_error = window(route.stale_if_error, of_api(directives.stale_if_error));
  meta.stale_if_disconnected = meta.stale_if_error;
  if (!by_ttl && !meta.stale_if_error) meta.stale_if_disconnected = max_disconnected;
  // A response that is never fresh and cannot be revalidated or served stale would never be used.
  const bool ever_fresh = meta.fresh_until > meta.response_time && !meta.must_validate;
  if (!ever_fresh && !meta.has_validator() && !meta.stale_while_revalidate && !meta.stale_if_error) {
    return meta.must_validate ? Detail::no_cache : Detail::no_freshness;
  }
  return meta;
}

namespace {

// Fields that identify one request and that APIs echo in the response.
bool names_one_request(const http::Field& line) noexcept {
  for (const std::string_view name :
       {"X-Request-ID", "X-Correlation-ID", "traceparent", "tracestate", "traceresponse"}) {
    if (line.name.size() == name.size() && http::has_name(line, name)) return true;
  }
  return false;
}

}  // namespace

FieldFate fate_of(const http::Field& line, http::Fields response, const http::CacheControl& directives) {
  if (http::is_hop_by_hop(line) || line.id == FieldId::age) return FieldFate::dropped;
  if (http::list_has(response, FieldId::connection, line.name)) return FieldFate::dropped;
  // Cookies and identifiers of one request must not reach other clients.
  if (line.id == FieldId::set_cookie || names_one_request(line)) return FieldFate::for_requesting_client;
  const auto named = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& name) { return http::has_name(line, name); });
  };
  return named(directives.private_fields) || named(directives.no_cache_fields)
             ? FieldFate::for_requesting_client
             : FieldFate::stored;
}

}  // namespace larder::policy
