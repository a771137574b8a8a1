// Writes the settings as YAML, with all defaults.
#include "settings/table.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

std::string_view first_segment(const std::string& name) {
  return std::string_view(name).substr(0, name.find('.'));
}

// ---- YAML

// Whether a key that can be a word or a mapping (`compression: off`) is written as the word, because that
// says everything.
template <class Target>
bool stands_alone(const Row<Target>& row, const Target& target) {
  return row.name.find('.') == std::string::npos && row.form.kind == Form::Kind::choice &&
         row.show(target) == row.form.words.front();
}

// False for a key whose default would be an error beside the other keys.
bool is_meant(const Row<Settings>&, const Settings&) {
  return true;
}
bool is_meant(const Row<Route>& row, const Route& route) {
  if (route.cache == CacheMode::off) return row.needs == Needs::nothing;
  return route.cache == CacheMode::ttl || row.needs != Needs::ttl;
}

template <class Target>
void write_yaml(const std::vector<Row<Target>>& rows, const Target& target, const std::string& indent,
                std::string& out) {
  std::string begin = indent;
  if (begin.size() >= 2 && std::is_same_v<Target, Route>) begin.replace(begin.size() - 2, 2, "- ");
  const auto line = [&](const std::string& text) {
    out += begin + text + "\n";
    begin = indent;
  };
  for (std::size_t i = 0; i < rows.size();) {
    const auto name = first_segment(rows[i].name);
    auto end = i;
    while (end < rows.size() && first_segment(rows[end].name) == name) ++end;
    const bool nested = rows[end - 1].name.size() > name.size();
    if (!nested || stands_alone(rows[i], target)) {
      const auto value = is_meant(rows[i], target) ? rows[i].show(target) : std::string();
      if (rows[i].secret) {
        if (!value.empty()) line("# " + std::string(name) + " is set; a secret is not shown");
      } else if (!value.empty())
        line(std::string(name) + ": " + value);
    } else {
      std::string inner;
      for (auto at = i; at < end; ++at) {
        if (rows[at].name.size() == name.size() || !is_meant(rows[at], target)) continue;
        const auto value = rows[at].show(target);
        if (!value.empty())
          inner.append(indent)
              .append("  ")
              .append(rows[at].name, name.size() + 1)
              .append(": ")
              .append(value) += '\n';
      }
      if (!inner.empty()) {
        line(std::string(name) + ":");
        out += inner;
      }
    }
    i = end;
  }
}

}  // namespace

std::string effective_yaml(const Settings& settings) {
  std::string out;
  write_yaml(top_rows(), settings, "", out);
  out += settings.routes.empty() ? "routes: []\n" : "routes:\n";
  for (const auto& route : settings.routes) write_yaml(route_rows(), route, "    ", out);
  return out;
}

}  // namespace larder::settings
