#include "settings/load.hpp"

#include "settings/checks.hpp"
#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace larder::settings {

namespace {

using Names = std::vector<std::string_view>;

template <class Target>
const Row<Target>* find_row(const std::vector<Row<Target>>& rows, const std::string& name) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

// Names of one level: of the top (group empty), of a group, or of a route.
Names names_of_top(std::string_view group) {
  Names names;
  for (const auto& row : top_rows()) {
    const std::string_view name = row.name;
    const auto dot = name.find('.');
    if (group.empty()) {
      const auto word = name.substr(0, dot);
      if (std::find(names.begin(), names.end(), word) == names.end()) names.push_back(word);
    } else if (dot != std::string_view::npos && name.substr(0, dot) == group) {
      names.push_back(name.substr(dot + 1));
    }
  }
  if (group.empty()) names.push_back("routes");
  return names;
}

Names names_of_route() {
  Names names;
  for (const auto& row : route_rows()) names.push_back(row.name);
  return names;
}

bool has(const Names& names, std::string_view word) {
  return std::find(names.begin(), names.end(), word) != names.end();
}

// What an unknown key was meant to be: a near one of its level, or one that belongs elsewhere.
std::string remedy(const std::string& key, const Names& level, std::string_view level_name) {
  const auto near = nearest(key, level);
  if (!near.empty()) return "did you mean '" + std::string(near) + "'?";
  if (level_name != "a route" && has(names_of_route(), key)) return "'" + key + "' belongs in a route";
  for (const std::string_view group : {"upstream", "cache", "limits", "timeouts"}) {
    if (group != level_name && has(names_of_top(group), key))
      return "'" + key + "' belongs in " + std::string(group) + ":";
  }
  if (!level_name.empty() && has(names_of_top(""), key)) return "'" + key + "' belongs at the top level";
  std::string list;
  for (const auto name : level) list += (list.empty() ? "" : ", ") + std::string(name);
  return "there are " + list;
}

class Loader {
 public:
  explicit Loader(Report& report) : report_(report), settings_(std::make_shared<Settings>()) {}

  std::shared_ptr<Settings> load(const YAML::Node& root) {
    if (root.IsNull()) return settings_;
    if (!root.IsMap()) {
      report_.error(root, "the file wants a mapping of keys to values, such as listen: 127.0.0.1:8080");
      return settings_;
    }
    each_key(root, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
      top(key, at, value);
    });
    return settings_;
  }
  [[nodiscard]] const RouteMarks& marks() const noexcept { return marks_; }

 private:
  template <class Visit>
  void each_key(const YAML::Node& mapping, Visit visit) {
    std::set<std::string> seen;
    for (const auto& member : mapping) {
      if (!member.first.IsScalar()) {
        report_.error(member.first, "a key is a single word");
        continue;
      }
      const auto& key = member.first.Scalar();
      // yaml-cpp keeps both and would take the first.
      if (!seen.insert(key).second)
        report_.error(member.first, "'" + key + "' stands there twice");
      else
        visit(key, member.first, member.second);
    }
  }

  template <class Target>
  void apply(const Row<Target>& row, const YAML::Node& at, const YAML::Node& value, Target& target) {
    if (value.IsNull()) return report_.error(at, row.name + " has no value; give it one or leave it out");
    row.set(report_, value, target);
    if (row.planned) report_.warning(at, row.name + " has no effect yet in this version");
  }

  void top(const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    if (key == "routes") return routes(at, value);
    const auto* row = find_row(top_rows(), key);
    const auto group = names_of_top(key);
    if (row != nullptr && (group.empty() || !value.IsMap())) return apply(*row, at, value, *settings_);
    if (group.empty())
      return report_.error(at, "unknown key '" + key + "'; " + remedy(key, names_of_top(""), ""));
    if (!value.IsMap())
      return report_.error(
          at, key + " wants a mapping, such as " + key + ": {" + std::string(group.front()) + ": ...}");
    each_key(value, [&](const std::string& name, const YAML::Node& name_at, const YAML::Node& inner) {
      const auto* inner_row = find_row(top_rows(), key + "." + name);
      if (inner_row != nullptr) return apply(*inner_row, name_at, inner, *settings_);
      report_.error(name_at, "unknown key '" + name + "' in " + key + "; " + remedy(name, group, key));
    });
  }

  void routes(const YAML::Node& at, const YAML::Node& value) {
    if (value.IsNull()) return report_.error(at, "routes has no value; give it a list or leave it out");
    if (!value.IsSequence())
      return report_.error(value, "routes wants a list, each element beginning with '- path: ...'");
    for (const auto& element : value) route(element);
  }

  void route(const YAML::Node& element) {
    if (!element.IsMap()) return report_.error(element, "a route wants a mapping that begins with path:");
    Route made;
    std::map<std::string, YAML::Mark> keys;
    each_key(element, [&](const std::string& name, const YAML::Node& at, const YAML::Node& value) {
      keys.emplace(name, at.Mark());
      const auto* row = find_row(route_rows(), name);
      if (row != nullptr) return apply(*row, at, value, made);
      report_.error(at,
                    "unknown key '" + name + "' in a route; " + remedy(name, names_of_route(), "a route"));
    });
    finish_route(element.Mark(), keys, made, report_);
    made.index = settings_->routes.size();
    settings_->routes.push_back(std::move(made));
    marks_.push_back(element.Mark());
  }

  Report& report_;
  std::shared_ptr<Settings> settings_;
  RouteMarks marks_;
};

bool has_error(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
}

void sort_by_place(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
}

}  // namespace

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out + ": " + (severity == Severity::warning ? "warning: " : "") + message;
}

Loaded load(const std::string& text, const std::string& file_name) {
  Report report(file_name);
  std::shared_ptr<Settings> settings;
  try {
    const auto documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      report.error(documents[1].Mark(), "the file has more than one YAML document; keep one");
    Loader loader(report);
    settings = loader.load(documents.empty() ? YAML::Node() : documents.front());
    check_routes(*settings, loader.marks(), report);
    check_whole(*settings, report);
  } catch (const YAML::Exception& error) {
    report.error(error.mark, error.msg);
  }
  Loaded loaded;
  loaded.problems = std::move(report.problems());
  sort_by_place(loaded.problems);
  if (!has_error(loaded.problems)) loaded.settings = std::move(settings);
  return loaded;
}

Loaded load_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.fail()) {
    Loaded loaded;
    loaded.problems.push_back(
        {Problem::Severity::error, path, 0, 0, "cannot be read; name another file with -c"});
    return loaded;
  }
  return load(text.str(), path);
}

Loaded apply(Loaded loaded, const Overrides& overrides) {
  if (!loaded.settings) return loaded;
  auto settings = std::make_shared<Settings>(*loaded.settings);
  const auto refuse = [&](std::string_view option, const std::string& error) {
    loaded.problems.push_back({Problem::Severity::error, std::string(option), 0, 0, error});
  };
  std::string error;
  if (!overrides.listen.empty()) {
    settings->listen.clear();
    for (const auto& text : overrides.listen) {
      if (auto address = parse_listen(text, error))
        settings->listen.push_back(std::move(*address));
      else
        refuse("--listen", error);
    }
  }
  if (overrides.upstream) {
    if (const auto parsed = parse_upstream(*overrides.upstream, error)) {
      settings->upstream.address = parsed->address;
      settings->upstream.url = parsed->url;
      settings->upstream.authority = parsed->authority;
    } else {
      refuse("--upstream", error);
    }
  }
  if (overrides.admin) {
    settings->admin = parse_listen(*overrides.admin, error);
    if (!settings->admin) refuse("--admin", error);
  }
  Report report("with the command line's options");
  check_whole(*settings, report);
  for (auto& problem : report.problems()) loaded.problems.push_back(std::move(problem));
  loaded.settings = has_error(loaded.problems) ? nullptr : std::move(settings);
  return loaded;
}

}  // namespace larder::settings
