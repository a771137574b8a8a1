#include "settings/checks.hpp"

#include "settings/address.hpp"
#include "settings/keys.hpp"

#include <algorithm>
#include <set>

namespace larder::settings {

namespace {

// nullptr if the key was not written.
const Place* place_of(const Places& places, std::string_view name) {
  const auto at = places.find(std::string(name));
  return at == places.end() ? nullptr : &at->second;
}

std::string element_of(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

// Appends the names sorted, each terminated by a comma; commas in names are escaped. Equal rules have the
// same shape, however they are written.
void append_names(const std::vector<std::string>& names, std::string& out) {
  for (const auto& name : std::set<std::string>(names.begin(), names.end())) {
    for (const char c : name) {
      if (c == ',' || c == ';' || c == '\\') out += '\\';
      out += c;
    }
    out += ',';
  }
}

std::string shape_of(const Route& route) {
  if (!route.projects() && route.items.empty() && route.etag_ignore.empty()) return {};
  std::string shape;
  append_names(route.fields, shape);
  shape += ';';
  if (!route.items.empty()) append_names({route.items}, shape);
  shape += ';';
  append_names(route.etag_ignore, shape);
  return shape;
}

void check_mode(const Place& at, const Places& places, Route& route, Report& report) {
  const auto* ttl = place_of(places, "ttl");
  const auto* cache = place_of(places, "cache");
  if (ttl != nullptr && cache != nullptr) {
    report.error(*cache, "a route has either ttl or cache; remove one");
  } else if (ttl != nullptr) {
    route.cache = CacheMode::ttl;
  } else if (cache == nullptr) {
    report.error(at, "a route must set its caching mode; add ttl: 30s, cache: standard or cache: off");
  }
}

// Reports keys that have no effect in the route's mode, if the mode is certain.
void check_needs(const Places& places, const Route& route, Report& report) {
  const auto mode = find_place(places, {"ttl", "cache"});
  if (mode.source.empty() || !mode.sound || (place_of(places, "ttl") && place_of(places, "cache"))) return;
  std::set<std::string_view> told;
  for (const auto& row : route_rows()) {
    const auto name = std::string_view(row.name).substr(0, row.name.find('.'));
    const auto* place = place_of(places, name);
    if (place == nullptr || row.needs == Needs::nothing || !told.insert(name).second) continue;
    if (route.cache == CacheMode::off)
      report.error(*place,
                   std::string(name) + " has no effect with cache: off; write a ttl or cache: standard");
    else if (row.needs == Needs::ttl && route.cache == CacheMode::standard)
      report.error(*place, std::string(name) +
                               " requires a ttl: with cache: standard the response's own fields decide; "
                               "remove it or write a ttl");
  }
}

// Reports names that lie inside another name of the list, which has no effect.
void check_nesting(const std::string& list, const std::vector<std::string>& names, const Places& places,
                   Report& report) {
  if (!find_place(places, {list}).sound) return;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const auto& outer : names) {
      if (!names[i].starts_with(outer + ".")) continue;
      report.error(find_place(places, {element_of(list, i), list}),
                   list + ": " + in_quotes(names[i]) + " is inside " + in_quotes(outer) +
                       ", which is already listed; remove one");
      break;
    }
  }
}

// With `cache: standard`, directives have the meaning of RFC 9111, so `despite` can only name Set-Cookie,
// about which the RFC has no rule.
void check_despite(const Places& places, const Route& route, Report& report) {
  const auto* place = place_of(places, "despite");
  if (place == nullptr || !place->sound || route.cache != CacheMode::standard) return;
  const auto& despite = route.despite;
  if (despite.no_store || despite.no_cache || despite.is_private || despite.authorization)
    report.error(*place,
                 "despite: only set-cookie is allowed with cache: standard, where the response's own fields "
                 "decide; write a ttl for the others");
}

// A bound placeholder stands for exactly one placeholder of the route's path.
void check_bindings(const Places& places, const Route& route, Report& report) {
  if (route.invalidated_by.empty() || !find_place(places, {"path", "invalidated_by"}).sound) return;
  const auto names = route.path.names();
  for (std::size_t i = 0; i < route.invalidated_by.size(); ++i) {
    const auto& pattern = route.invalidated_by[i];
    const auto at = find_place(places, {element_of("invalidated_by", i), "invalidated_by"});
    const auto what = "invalidated_by: " + in_quotes(pattern.text()) + ": ";
    const auto of_path = " the route's path " + in_quotes(route.path.text());
    for (const auto& name : pattern.bound_names()) {
      const auto count = std::count(names.begin(), names.end(), name);
      const auto bound = concatenated({"{=", name, "}"});
      if (count > 1)
        report.error(at, concatenated({what, "{", name, "} occurs more than once in", of_path,
                                       "; rename one of them"}));
      if (count > 0) continue;
      const auto near = std::string(nearest(name, Words(names.begin(), names.end())));
      const auto remedy = near.empty() ? concatenated({"; write {", name, "} for any segment"})
                                       : concatenated({"; did you mean {=", near, "}?"});
      report.error(at, concatenated({what, bound, " is no placeholder of", of_path, remedy}));
    }
    for (const auto& name : pattern.names()) {
      if (std::count(names.begin(), names.end(), name) == 0) continue;
      report.warning(
          at, concatenated({what, "a write invalidates the route's responses for every {", name,
                            "}; write {=", name, "} for those with the same one, or rename {", name, "}"}));
    }
  }
}

// Patterns that were probably copied from another program match only themselves.
void check_placeholders(const Places& places, const Route& route, Report& report) {
  const auto check = [&](const http::PathPattern& pattern, const std::string& name, const Place& at) {
    const auto foreign = pattern.foreign_placeholder();
    if (!foreign || !at.sound) return;
    report.warning(at, name + ": " + in_quotes(pattern.text()) + " matches only a segment with the text " +
                           in_quotes(foreign->first) + "; did you mean " + in_quotes(foreign->second) + "?");
  };
  check(route.path, "path", find_place(places, {"path"}));
  for (std::size_t i = 0; i < route.invalidated_by.size(); ++i)
    check(route.invalidated_by[i], "invalidated_by",
          find_place(places, {element_of("invalidated_by", i), "invalidated_by"}));
}

void check_parameters(const Places& places, const Route& route, Report& report) {
  const auto* refresh = place_of(places, "refresh_param");
  if (refresh == nullptr || route.refresh_param.empty()) return;
  const auto& named = route.key.query_names;
  const auto at = std::find(named.begin(), named.end(), route.refresh_param);
  if (at != named.end()) {
    const auto index = static_cast<std::size_t>(at - named.begin());
    report.error(find_place(places, {element_of("key.query", index), "key.query"}),
                 "key.query: " + in_quotes(*at) +
                     " is the refresh_param, which is never part of the key; remove it here");
  }
  if (route.fields_param == route.refresh_param)
    report.error(*place_of(places, "fields_param"), "fields_param: " + in_quotes(route.fields_param) +
                                                        " is already the refresh_param; choose another name");
}

}  // namespace

void finish_route(const Place& at, const Places& places, Route& route, Report& report) {
  if (places.count("path") == 0) report.error(at, "a route has no path; write - path: /topics/");
  check_mode(at, places, route, report);
  check_needs(places, route, report);
  check_despite(places, route, report);
  check_parameters(places, route, report);
  check_bindings(places, route, report);
  check_placeholders(places, route, report);
  check_nesting("fields", route.fields, places, report);
  check_nesting("etag_ignore", route.etag_ignore, places, report);
  if (places.count("items") > 0 && places.count("fields") == 0 && places.count("fields_param") == 0)
    report.error(places.at("items"), "items requires fields or fields_param; add one of them");
  if (route.warm && !route.name.empty() && !route.path.is_exact())
    report.error(
        places.at("warm"),
        "warm requires an exact path: with {id} or ** there is no single URL to fetch; write an exact path");
  route.shape = shape_of(route);
}

void check_routes(const std::vector<Route>& routes, const std::vector<Places>& places, Report& report) {
  for (std::size_t later = 1; later < routes.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const auto& first = routes[earlier];
      const auto& second = routes[later];
      if (first.name.empty() || second.name.empty() || !first.path.covers(second.path)) continue;
      const bool same = second.path.covers(first.path);
      const auto& at = places[later].at("path");
      const auto& winner = places[earlier].at("path");
      const auto line = std::to_string(winner.line);
      const auto where =
          winner.source == at.source ? " on line " + line : " in " + winner.source + ":" + line;
      report.error(at, "unreachable route: " + in_quotes(first.name) + where + " already matches it; " +
                           (same ? "remove one" : "move the narrower route above it"));
      break;
    }
  }
}

namespace {

std::string_view first_segment(const http::PathPattern& pattern) {
  const std::string_view text = pattern.text();
  return text.substr(0, text.find('/', 1));
}

}  // namespace

void check_invalidations(const std::vector<Route>& routes, const std::vector<Places>& places,
                         Report& report) {
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (!find_place(places[i], {"invalidated_by"}).sound) continue;
    const auto& patterns = routes[i].invalidated_by;
    for (std::size_t j = 0; j < patterns.size(); ++j) {
      const auto& pattern = patterns[j];
      const bool is_known = std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        if (first_segment(route.path) == first_segment(pattern)) return true;
        return route.path.overlaps(pattern) &&
               (&route == &routes[i] || pattern.matches_all() || !route.path.matches_all());
      });
      if (is_known) continue;
      Words known;
      for (const auto& route : routes) known.push_back(first_segment(route.path));
      const auto first = first_segment(pattern);
      // One letter of a short segment is no evidence.
      const auto near = first.size() > 3 ? nearest(first, known) : std::string_view();
      const auto meant = std::string(near) + pattern.text().substr(first.size());
      const auto remedy = near.empty() || near == first
                              ? "correct it, or, if the API has such paths, add a route for them: - path: " +
                                    std::string(first) + "/** with cache: standard"
                              : "did you mean " + in_quotes(meant) + "?";
      report.warning(
          find_place(places[i], {element_of("invalidated_by", j), "invalidated_by"}),
          "invalidated_by: " + in_quotes(pattern.text()) + " matches the path of no other route; " + remedy);
    }
  }
}

namespace {

// Warns of settings that have no effect.
void warn_of_what_is_idle(const Settings& settings, const Places& places, Report& report) {
  const auto warn = [&](bool idle, const std::string& name, const std::string& message) {
    const auto* place = idle ? place_of(places, name) : nullptr;
    if (place != nullptr && place->sound) report.warning(*place, message);
  };
  warn(settings.admin && !is_local(*settings.admin) && !settings.admin_token.empty() &&
           !settings.admin_tls.is_on(),
       "admin",
       "admin: the token and all responses cross the network unencrypted; write admin: {address: ..., tls: "
       "{certificate: FILE, key: FILE}}, a loopback address or unix:/path");
  // The address of fd:NAME is chosen by the service manager and not known here.
  const auto* listen = place_of(places, "listen");
  const bool is_reachable =
      std::any_of(settings.listen.begin(), settings.listen.end(), [](const Listener& one) {
        return !std::holds_alternative<InheritedSocket>(one.address) && !is_local(one.address);
      });
  if (listen != nullptr && listen->sound && is_reachable && place_of(places, "trusted_proxies") == nullptr &&
      settings.trusted_proxies == default_trusted_proxies())
    report.warning(*listen,
                   "listen: other hosts can connect, but trusted_proxies is not set: X-Forwarded-* and "
                   "similar fields are trusted only from this machine. List the proxies in front of larder "
                   "(trusted_proxies: [10.0.0.5]), or write trusted_proxies: [] if there are none");
  const auto& api = settings.upstream.tls;
  for (const auto& [name, is_set] : {std::pair("upstream.tls.ca", !api.ca.empty()),
                                     std::pair("upstream.tls.server_name", !api.server_name.empty()),
                                     std::pair("upstream.tls.certificate", !api.certificate.empty())})
    warn(!settings.upstream.uses_tls && is_set, name,
         std::string(name) + ": has no effect without https; write upstream: {url: https://...}");
  warn(!api.verify, "upstream.tls.verify",
       "upstream.tls.verify: the API's certificate is not verified, so an attacker who can redirect "
       "connections to the "
       "API can read and change the traffic; set upstream.tls.ca instead");
  warn(!settings.admin, "admin_token", "admin_token: has no effect without an admin listener; set admin");
  const Settings plain;
  const auto& cache = settings.cache;
  const bool unlogged = settings.access_log == AccessLog::off;
  const bool redacts = settings.access_log_redact.of != Redaction::Of::none;
  const auto no_log = ": has no effect while access_log is off; write access_log: json";
  warn(unlogged && settings.access_log_file, "access_log_file", std::string("access_log_file") + no_log);
  warn(unlogged && redacts, "access_log_redact", std::string("access_log_redact") + no_log);
  const auto no_file = ": has no effect without cache.persist; set cache.persist to a file";
  warn(!cache.persist && cache.persist_size != plain.cache.persist_size, "cache.persist_size",
       std::string("cache.persist_size") + no_file);
  warn(!cache.persist && cache.persist_stale != plain.cache.persist_stale, "cache.persist_stale",
       std::string("cache.persist_stale") + no_file);
  const bool none_warm =
      std::none_of(settings.routes.begin(), settings.routes.end(), [](const auto& one) { return one.warm; });
  const auto no_warm = ": has no effect: no route has warm: true; add it to a route";
  warn(none_warm && !cache.warm_hosts.empty(), "cache.warm_hosts", std::string("cache.warm_hosts") + no_warm);
  warn(none_warm && cache.warm_before_ready, "cache.warm_before_ready",
       std::string("cache.warm_before_ready") + no_warm);
}

}  // namespace

void check_whole(const Settings& settings, const Places& places, Report& report) {
  const auto complain = [&](std::initializer_list<std::string> names, const std::string& message) {
    if (const auto place = find_place(places, names); place.sound) report.error(place, message);
  };
  const auto& cache = settings.cache;
  if (cache.max_body > cache.memory) {
    complain({"cache.max_body", "cache.memory"}, "cache.max_body (" + format_size(cache.max_body) +
                                                     ") exceeds cache.memory (" + format_size(cache.memory) +
                                                     "); lower cache.max_body or raise cache.memory");
  }
  const auto& api = settings.upstream.tls;
  if (api.certificate.empty() != api.key.empty())
    complain({"upstream.tls.certificate", "upstream.tls.key"},
             "upstream.tls.certificate and upstream.tls.key require each other");
  const auto& listen = settings.listen;
  for (std::size_t i = 0; i < listen.size(); ++i) {
    const auto& address = listen[i].address;
    const auto name = to_string(address);
    const auto element = element_of("listen", i);
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_address(address, listen[j].address)) continue;
      complain({element, "listen"}, "listen: " + name + " is the same address as " +
                                        to_string(listen[j].address) + "; remove one");
      break;
    }
    if (settings.admin && same_address(address, *settings.admin)) {
      complain({"admin", element, "listen"},
               "admin: " + name + " is also a client listener; give the admin listener a separate address");
    }
    if (reaches(settings.upstream.address, address)) {
      complain({"upstream.url", "upstream", element, "listen"},
               "upstream: " + settings.upstream.url + " is larder's own listener " + name +
                   ", so requests would loop; write the API's address");
    }
  }
  if (settings.admin && reaches(settings.upstream.address, *settings.admin)) {
    complain({"upstream.url", "upstream", "admin"},
             "upstream: " + settings.upstream.url + " is larder's own admin listener " +
                 to_string(*settings.admin) + ", which clients must not reach; write the API's address");
  }
  if (settings.admin && !is_local(*settings.admin) && settings.admin_token.empty()) {
    complain({"admin"}, "admin: " + to_string(*settings.admin) +
                            " can be reached from other hosts without authentication; write 127.0.0.1:9901, "
                            "[::1]:9901 or unix:/path, or set admin_token");
  }
  warn_of_what_is_idle(settings, places, report);
}

}  // namespace larder::settings
