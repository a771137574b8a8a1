#include "settings/loader.hpp"

#include "settings/checks.hpp"
#include "settings/defaults.hpp"
#include "settings/mapping.hpp"

#include <algorithm>
#include <iterator>

namespace larder::settings {

namespace {

// Bounded because requests are matched against the routes one by one.
constexpr std::size_t max_routes = 1000;

}  // namespace

void Loader::read_route(const YAML::Node& element, Routes& into, Report& report) {
  if (!element.IsMap()) return report.error(element, "a route must be a mapping; write - path: /topics/");
  Route route;
  Places places;
  Mapping<Route> mapping(route_rows(), route, places, report);
  const auto& level = level_called("in a route");
  each_key(element, report, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    mapping.member(key, at, value, level, "");
  });
  const auto begin = report.place(element.Mark());
  finish_route(begin, places, route, report);
  route.place = begin.source + ":" + std::to_string(begin.line) + ":" + std::to_string(begin.column);
  into.routes.push_back(std::move(route));
  into.places.push_back(std::move(places));
}

void Loader::read_routes(const YAML::Node& at, const YAML::Node& value, Report& report) {
  if (value.IsNull()) return report.error(at, "routes has no value; set one or remove the key");
  if (!value.IsSequence())
    return report.error(value, "routes must be a list; begin each route with - path: /topics/");
  auto all = value.size();
  for (const auto& of : routes_) all += of.routes.size();
  if (all > max_routes) {
    return report.error(at, "routes: " + std::to_string(all) + " exceed the maximum of " +
                                std::to_string(max_routes) + "; use {id} and ** to match many paths");
  }
  for (const auto& element : value) read_route(element, routes_.back(), report);
}

void Loader::read(const YAML::Node& root, Report& report) {
  routes_.emplace_back();
  if (root.IsNull()) return;
  if (!root.IsMap())
    return report.error(
        root, "the file must be a mapping of keys to values; write, for example, listen: 127.0.0.1:8080");
  Mapping<Settings> mapping(top_rows(), settings_, places_, report);
  const auto& level = level_called("at the top level");
  each_key(root, report, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    if (key == "routes")
      read_routes(at, value, report);
    else
      mapping.member(key, at, value, level, "");
  });
}

std::shared_ptr<Settings> Loader::finish(Report& report, bool whole) {
  // The routes of the first file come last, so that its `/**` does not hide added routes.
  if (!routes_.empty()) std::rotate(routes_.begin(), routes_.begin() + 1, routes_.end());
  std::vector<Places> places;
  for (auto& of : routes_) {
    std::move(of.routes.begin(), of.routes.end(), std::back_inserter(settings_.routes));
    std::move(of.places.begin(), of.places.end(), std::back_inserter(places));
  }
  for (std::size_t i = 0; i < settings_.routes.size(); ++i) settings_.routes[i].index = i;
  if (whole) {
    set_dependent_defaults(settings_, places_, places, report);
    check_routes(settings_.routes, places, report);
    if (report.errors() == 0) check_invalidations(settings_.routes, places, report);
    check_whole(settings_, places_, report);
  }
  return std::make_shared<Settings>(std::move(settings_));
}

}  // namespace larder::settings
