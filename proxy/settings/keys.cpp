#include "settings/keys.hpp"

#include "settings/misnomers.hpp"

namespace larder::settings {

namespace {

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Adds the levels of the rows; `where` is the outermost one.
template <class Target>
void add_levels(const std::vector<Row<Target>>& rows, const std::string& where, std::vector<Level>& all) {
  const auto begin = all.size();
  const auto names_of = [&](const std::string& level) -> Words& {
    const auto at = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end(),
                                 [&](const Level& one) { return one.where == level; });
    return at != all.end() ? at->names : all.emplace_back(Level{level, {}}).names;
  };
  for (const auto& row : rows) {
    std::string level = where;
    for (std::string_view rest = row.name;;) {
      const auto dot = rest.find('.');
      const auto name = rest.substr(0, dot);
      if (auto& names = names_of(level); !has(names, name)) names.push_back(name);
      if (dot == std::string_view::npos) break;
      level = level_within(level, name);
      rest.remove_prefix(dot + 1);
    }
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
    add_levels(top_rows(), "at the top level", made);
    made.front().names.push_back("routes");
    add_levels(route_rows(), "in a route", made);
    add_levels(listener_rows(), "in a listener", made);
    add_levels(certificate_rows(), "in a certificate", made);
    return made;
  }();
  return all;
}

std::string level_within(std::string_view level, std::string_view name) {
  std::string where = level == outermost_level ? "in " : std::string(level) + "'s ";
  return where.append(name);
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
