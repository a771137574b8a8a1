#include "settings/loader.hpp"

#include "settings/checks.hpp"
#include "settings/defaults.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace larder::settings {

namespace {

// Bounded because requests are matched against the routes one by one.
constexpr std::size_t max_routes = 1000;

// Calls visit(key, node of the key, value) for each member. Keys that are not scalars, and duplicates, are
// reported instead.
template <class Visit>
void each_key(const YAML::Node& mapping, Report& report, Visit visit) {
  std::map<std::string, int> seen;
  for (const auto& member : mapping) {
    if (!member.first.IsScalar()) {
      report.error(member.first, "a key must be a single word");
      continue;
    }
    const auto& key = member.first.Scalar();
    // yaml-cpp keeps duplicates.
    const auto [first, is_new] = seen.emplace(key, member.first.Mark().line + 1);
    if (is_new)
      visit(key, member.first, member.second);
    else
      report.error(member.first, "duplicate key " + in_quotes(key) + " (first defined on line " +
                                     std::to_string(first->second) + "); remove one");
  }
}

// Reads a mapping and the mappings in it.
template <class Target>
class Mapping {
 public:
  Mapping(const std::vector<Row<Target>>& rows, Target& target, Places& places, Report& report)
      : rows_(rows), target_(target), places_(places), report_(report) {}

  /// `level` is used in messages and remedies; `prefix` is the prefix of the names in the table.
  void member(const std::string& key, const YAML::Node& at, const YAML::Node& value, const Level& level,
              const std::string& prefix) {
    const auto name = prefix + key;
    // Dotted names exist only in the table: `cache.memory: 1GiB` must be written `cache: {memory: 1GiB}`.
    const bool dotted = key.find('.') != std::string::npos;
    const auto* row = dotted ? nullptr : find_row(rows_, name);
    const auto* within = dotted ? nullptr : first_within(rows_, name);
    if (row == nullptr && within == nullptr)
      return unknown(key, at, level, dotted && find_row(rows_, name) != nullptr);
    const auto before = report_.errors();
    if (value.IsNull()) {
      report_.error(at, name + " has no value; set one or remove the key");
    } else if (within != nullptr && (value.IsMap() || row == nullptr)) {
      mapping(name, value, *within, level);
    } else {
      row->set(report_, value, target_);
    }
    remember(name, at, value, report_.errors() == before);
  }

 private:
  void mapping(const std::string& name, const YAML::Node& value, const Row<Target>& first,
               const Level& level) {
    if (!value.IsMap()) {
      const auto member = first.name.substr(name.size() + 1);
      const auto example = first.default_value();
      return report_.error(value, name + " must be a mapping, such as " + name + ": {" + member + ": " +
                                      (example.empty() ? "..." : example) + "}");
    }
    const auto where = std::is_same_v<Target, Route> ? level.where + "'s " + name : "in " + name;
    const auto& inner_level = level_called(where);
    each_key(value, report_, [&](const std::string& key, const YAML::Node& at, const YAML::Node& inner) {
      member(key, at, inner, inner_level, name + ".");
    });
  }

  void unknown(const std::string& key, const YAML::Node& at, const Level& level, bool is_dotted_name) {
    if (is_dotted_name) {
      const auto dot = key.find('.');
      return report_.error(at, in_quotes(key) + " is not a key; write " + key.substr(0, dot) + ": {" +
                                   key.substr(dot + 1) + ": ...}");
    }
    if (key == "<<") return report_.error(at, "merge keys are not supported; write the keys out");
    const auto where = level.where == "at the top level" ? std::string() : " " + level.where;
    report_.error(at, "unknown key " + in_quotes(key) + where + "; " + remedy(key, level));
  }

  void remember(const std::string& name, const YAML::Node& at, const YAML::Node& value, bool sound) {
    const auto add = [&](const std::string& its_name, const YAML::Node& node) {
      auto place = report_.place(node.Mark());
      place.sound = sound;
      places_.insert_or_assign(its_name, std::move(place));
    };
    // Elements of a longer list in an earlier file.
    std::erase_if(places_, [&](const auto& one) { return one.first.starts_with(name + "["); });
    add(name, at);
    if (!value.IsSequence()) return;
    std::size_t index = 0;
    for (const auto& element : value) add(name + "[" + std::to_string(index++) + "]", element);
  }

  const std::vector<Row<Target>>& rows_;
  Target& target_;
  Places& places_;
  Report& report_;
};

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
