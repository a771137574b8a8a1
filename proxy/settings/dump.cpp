// Writes the settings as YAML, with all defaults.
#include "settings/table.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

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

// The rows from `at` on whose names begin with `prefix`, a line each; moves `at` behind them.
template <class Target>
std::string rows_within(const std::vector<Row<Target>>& rows, const Target& target, std::string_view prefix,
                        const std::string& indent, std::size_t& at) {
  std::string out;
  while (at < rows.size() && rows[at].name.starts_with(prefix)) {
    const auto& row = rows[at];
    const auto rest = std::string_view(row.name).substr(prefix.size());
    const auto name = rest.substr(0, rest.find('.'));
    const auto within = std::string(prefix).append(name) + ".";
    const bool nested = rest != name || (at + 1 < rows.size() && rows[at + 1].name.starts_with(within));
    const bool alone = nested && rest == name && stands_alone(row, target);
    if (!nested || alone) {
      const auto value = is_meant(row, target) ? row.show(target) : std::string();
      if (row.secret && !value.empty())
        out.append(indent).append("# ").append(name).append(" is set; a secret is not shown\n");
      else if (!value.empty())
        out.append(indent).append(name).append(": ").append(value).append("\n");
    }
    if (rest == name) ++at;
    if (!nested) continue;
    const auto inner = rows_within(rows, target, within, indent + "  ", at);
    if (!inner.empty() && !alone) out.append(indent).append(name).append(":\n").append(inner);
  }
  return out;
}

template <class Target>
void write_yaml(const std::vector<Row<Target>>& rows, const Target& target, const std::string& indent,
                std::string& out) {
  std::size_t at = 0;
  auto text = rows_within(rows, target, "", indent, at);
  if (std::is_same_v<Target, Route> && indent.size() >= 2) text.replace(indent.size() - 2, 2, "- ");
  out += text;
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
