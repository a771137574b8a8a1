#include "settings/checks.hpp"

#include "settings/scalar.hpp"

namespace larder::settings {

namespace {

std::string shape_of(const Route& route) {
  if (route.fields.empty() && route.items.empty() && route.etag_ignore.empty()) return {};
  std::string shape;
  for (const auto& field : route.fields) shape += field + ",";
  shape += "|" + route.items + "|";
  for (const auto& field : route.etag_ignore) shape += field + ",";
  return shape;
}

bool is_loopback(const ListenAddress& address) {
  const auto* tcp = std::get_if<TcpAddress>(&address);
  return tcp == nullptr || tcp->host == "localhost" || tcp->host == "::1" || tcp->host.starts_with("127.");
}

bool same_address(const ListenAddress& a, const ListenAddress& b) {
  const auto* tcp = std::get_if<TcpAddress>(&a);
  if (tcp != nullptr && tcp->port == 0) return false;  // the kernel chooses another for each
  return to_string(a) == to_string(b);
}

}  // namespace

void finish_route(const YAML::Mark& at, const std::map<std::string, YAML::Mark>& keys, Route& route,
                  Report& report) {
  const auto has = [&](const char* key) { return keys.count(key) > 0; };
  const auto place = [&](const char* key) { return keys.at(key); };
  if (!has("path")) report.error(at, "a route without path; write - path: /topics/");
  if (has("ttl") && has("cache")) {
    report.error(place("cache"), "a route has either ttl or cache; leave one out");
  } else if (has("ttl")) {
    route.cache = CacheMode::ttl;
  } else if (!has("cache")) {
    report.error(at, "a route says how it caches: ttl: 30s, cache: standard or cache: off");
  }

  if (route.cache == CacheMode::off && has("cache")) {
    for (const auto* key :
         {"negative_ttl", "stale_while_revalidate", "stale_if_error", "keep_warm", "warm", "refresh_param",
          "refresh_min_interval", "fields", "items", "fields_param", "etag_ignore", "key", "despite",
          "invalidated_by", "invalidation", "groups", "client_cache_control"}) {
      if (has(key))
        report.error(place(key),
                     std::string(key) + " means nothing with cache: off; use ttl or cache: standard");
    }
  }
  if (route.cache == CacheMode::standard && has("cache")) {
    for (const auto* key : {"negative_ttl", "despite", "keep_warm"}) {
      if (has(key))
        report.error(place(key),
                     std::string(key) + " wants a ttl; under cache: standard upstream's fields decide");
    }
  }
  if (has("refresh_min_interval") && !has("refresh_param") && route.cache != CacheMode::ttl) {
    report.error(place("refresh_min_interval"), "refresh_min_interval wants a refresh_param or a ttl");
  }
  for (const auto* key : {"items", "fields_param"}) {
    if (has(key) && !has("fields") && std::string_view(key) == "items")
      report.error(place(key), "items wants fields");
  }
  if (route.warm && !route.path.is_exact()) {
    report.error(place("warm"), "warm wants an exact path, as there is no telling which {id} or ** to fetch");
  }
  route.shape = shape_of(route);
}

void check_routes(const Settings& settings, const RouteMarks& marks, Report& report) {
  const auto& routes = settings.routes;
  for (std::size_t later = 1; later < routes.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (routes[earlier].name.empty() || routes[later].name.empty()) continue;
      if (!routes[earlier].path.covers(routes[later].path)) continue;
      report.error(marks[later], "this route can never match: '" + routes[earlier].name + "' in line " +
                                     std::to_string(marks[earlier].line + 1) +
                                     " comes first; put the narrower one above it");
      break;
    }
  }
}

void check_whole(const Settings& settings, Report& report) {
  const auto nowhere = YAML::Mark::null_mark();
  if (settings.cache.max_body > settings.cache.memory) {
    report.error(nowhere, "cache.max_body (" + format_size(settings.cache.max_body) +
                              ") is more than cache.memory (" + format_size(settings.cache.memory) + ")");
  }
  const auto& listen = settings.listen;
  for (std::size_t i = 0; i < listen.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (same_address(listen[i], listen[j]))
        report.error(nowhere, "listen: " + to_string(listen[i]) + " stands there twice");
    }
    if (settings.admin && same_address(listen[i], *settings.admin)) {
      report.error(nowhere, "admin: " + to_string(*settings.admin) +
                                " is a listener already; nothing of the admin side is reachable through it");
    }
    const auto upstream =
        std::visit([](const auto& address) { return ListenAddress(address); }, settings.upstream.address);
    if (same_address(listen[i], upstream)) {
      report.error(nowhere, "upstream: " + settings.upstream.url +
                                " is larder's own listener; requests would go round in a circle");
    }
  }
  if (settings.admin && !is_loopback(*settings.admin)) {
    report.error(nowhere, "admin: " + to_string(*settings.admin) +
                              " is open to other hosts; use 127.0.0.1, [::1] or unix:/path");
  }
}

}  // namespace larder::settings
