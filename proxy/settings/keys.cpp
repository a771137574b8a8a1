#include "settings/keys.hpp"

#include "settings/misnomers.hpp"

namespace larder::settings {

namespace {

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Adds a level and the levels below it.
template <class Target>
void add_levels(const std::vector<Row<Target>>& rows, const std::string& where, std::string_view within,
                std::vector<Level>& all) {
  const auto own = all.size();
  all.push_back({where, {}});
  for (const auto& row : rows) {
    const std::string_view name = row.name;
    const auto dot = name.find('.');
    const auto first = name.substr(0, dot);
    if (!has(all[own].names, first)) all[own].names.push_back(first);
    if (dot == std::string_view::npos) continue;
    const auto group = std::string(within).append(first);
    if (all.back().where != group) all.push_back({group, {}});
    all.back().names.push_back(name.substr(dot + 1));
  }
}

// The other levels that have the name: `in limits or in timeouts`.
std::string elsewhere(std::string_view name, const Level& level) {
  std::string places;
  for (const auto& other : levels()) {
    if (&other != &level && has(other.names, name)) places += (places.empty() ? "" : " or ") + other.where;
  }
  return places;
}

}  // namespace

const std::vector<Level>& levels() {
  static const auto all = [] {
    std::vector<Level> made;
    add_levels(top_rows(), "at the top level", "in ", made);
    made.front().names.push_back("routes");
    add_levels(route_rows(), "in a route", "in a route's ", made);
    add_levels(listener_rows(), "in a listener", "in a listener's ", made);
    add_levels(certificate_rows(), "in a certificate", "in a certificate's ", made);
    return made;
  }();
  return all;
}

const Level& level_called(std::string_view where) {
  const auto& all = levels();
  return *std::find_if(all.begin(), all.end(), [&](const Level& level) { return level.where == where; });
}

std::string remedy(std::string_view name, const Level& level) {
  if (const auto known = remedy_for_key(name, level.where); !known.empty()) return std::string(known);
  const auto near = nearest(name, level.names);
  if (!near.empty()) return "did you mean " + in_quotes(near) + "?";
  if (const auto places = elsewhere(name, level); !places.empty()) return "it belongs " + places;
  for (const auto& other : levels()) {
    // Their words are common ones, which would be suggested everywhere.
    if (other.where.starts_with("in a listener") || other.where.starts_with("in a certificate")) continue;
    const auto there = nearest(name, other.names);
    if (!there.empty()) return "did you mean " + in_quotes(there) + " " + other.where + "?";
  }
  return "the keys are " + joined(level.names);
}

}  // namespace larder::settings
