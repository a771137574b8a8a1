#include "settings/defaults.hpp"

#include "settings/scalar.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

void set_lifetimes(const RouteDefaults& defaults, const Places& places, Route& route, Report& report) {
  if (route.cache != CacheMode::ttl) return;
  const auto take = [&](const char* name, std::optional<Millis>& own, const std::optional<Millis>& common) {
    if (places.count(name) == 0) own = common;
  };
  take("keep_warm", route.keep_warm, defaults.keep_warm);
  take("stale_while_revalidate", route.stale_while_revalidate, defaults.stale_while_revalidate);
  take("stale_if_error", route.stale_if_error, defaults.stale_if_error);
  const auto at = find_place(places, {"keep_warm", "ttl"});
  if (route.keeps_warm() && at.sound && *route.keep_warm < route.ttl) {
    const auto time = format_duration(*route.keep_warm);
    report.warning(at, "keep_warm (" + time + (places.count("keep_warm") == 0 ? ", from defaults" : "") +
                           ") is shorter than the ttl (" + format_duration(route.ttl) +
                           "): an entry that is requested less than once in " + time +
                           " is not refreshed; write at least the ttl");
  }
}

}  // namespace

void set_dependent_defaults(Settings& settings, const Places& places, const std::vector<Places>& of_routes,
                            Report& report) {
  const auto is_written = [&](const char* name) { return places.count(name) > 0; };
  auto& cache = settings.cache;
  if (!is_written("cache.max_body")) cache.max_body = std::min(cache.max_body, cache.memory / 4);
  // Otherwise uploads, or background fetches, could take all of a few connections.
  const auto half = std::max<std::size_t>(settings.upstream.connections / 2, 1);
  if (!is_written("limits.uploads")) settings.limits.uploads = std::min(settings.limits.uploads, half);
  auto& background = settings.upstream.background_connections;
  if (!is_written("upstream.background_connections")) background = std::min(background, half);
  for (std::size_t i = 0; i < settings.routes.size(); ++i)
    set_lifetimes(settings.defaults, of_routes[i], settings.routes[i], report);
}

}  // namespace larder::settings
