// The table is the single source of the reference and of what the loader reads and writes.
#include "settings/table.hpp"
#include "support.hpp"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace larder;
using settings::Row;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(std::string(LARDER_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

template <class Target>
void check_rows(const std::vector<Row<Target>>& rows) {
  std::set<std::string> names;
  for (const auto& row : rows) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.form.name.empty());
    CHECK(row.meaning.size() > 1);
    CHECK(row.meaning.back() == '.');
    CHECK(row.meaning.find('|') == std::string::npos);

    // A default is parsed from its written form.
    const auto written = row.default_value();
    if (written.empty()) continue;
    settings::Report report("f");
    Target target;
    row.set(report, YAML::Load(written), target);
    CHECK(report.problems().empty());
    CHECK(row.show(target) == written);
  }
}

// A row reads what it shows; a scalar is shown as it was written.
template <class Target>
void check_written(const std::vector<Row<Target>>& rows, const Target& target, const YAML::Node& mapping) {
  for (const auto& row : rows) {
    INFO(row.name);
    const auto dot = row.name.find('.');
    auto node = mapping[row.name.substr(0, dot)];
    if (node && dot != std::string::npos)
      node.reset(node.IsMap() ? node[row.name.substr(dot + 1)] : YAML::Node());
    if (!node || node.IsNull() || node.IsMap()) continue;
    settings::Report report("f");
    auto again = target;
    row.set(report, YAML::Load(row.show(target)), again);
    CHECK(report.problems().empty());
    CHECK(row.show(again) == row.show(target));
    if (node.IsScalar()) CHECK(YAML::Load(row.show(target)).Scalar() == node.Scalar());
  }
}

}  // namespace

TEST_CASE("config/reference.md agrees with the table (LARDER_WRITE_REFERENCE=1 writes it)") {
  const auto path = std::string(LARDER_SOURCE_DIR) + "/config/reference.md";
  if (std::getenv("LARDER_WRITE_REFERENCE") != nullptr)
    std::ofstream(path, std::ios::binary) << settings::reference_markdown();
  CHECK(content("config/reference.md") == settings::reference_markdown());
}

TEST_CASE("each fixed bound of the reference has the value of its constant") {
  for (const auto& bound : settings::fixed_bounds()) {
    INFO(bound.what << ": proxy/" << bound.file << " no longer contains '" << bound.declaration
                    << "'; correct proxy/settings/bounds.cpp");
    CHECK(content("proxy/" + bound.file).find(bound.declaration) != std::string::npos);
    CHECK((bound.what + bound.value + bound.effect).find('|') == std::string::npos);
  }
}

TEST_CASE("config/larder.schema.json agrees with the table (LARDER_WRITE_REFERENCE=1 writes it)") {
  const auto path = std::string(LARDER_SOURCE_DIR) + "/config/larder.schema.json";
  if (std::getenv("LARDER_WRITE_REFERENCE") != nullptr)
    std::ofstream(path, std::ios::binary) << settings::json_schema();
  CHECK(content("config/larder.schema.json") == settings::json_schema());
  // JSON is YAML: every row is in it, with its description.
  const auto schema = YAML::Load(settings::json_schema());
  for (const auto& row : settings::top_rows()) {
    INFO(row.name);
    CHECK(schema["properties"][row.name.substr(0, row.name.find('.'))]);
  }
  for (const auto& row : settings::route_rows()) {
    INFO(row.name);
    CHECK(schema["properties"]["routes"]["items"]["properties"][row.name.substr(0, row.name.find('.'))]);
  }
}

TEST_CASE("config/man/larder.yaml.5 agrees with the table (LARDER_WRITE_REFERENCE=1 writes it)") {
  const auto path = std::string(LARDER_SOURCE_DIR) + "/config/man/larder.yaml.5";
  if (std::getenv("LARDER_WRITE_REFERENCE") != nullptr)
    std::ofstream(path, std::ios::binary) << settings::manual_page();
  CHECK(content("config/man/larder.yaml.5") == settings::manual_page());
}

TEST_CASE("the effective settings are written as an equivalent file") {
  const auto loaded = settings::load(content("config/examples/statehub.yaml"), "statehub.yaml");
  REQUIRE(loaded.settings);
  const auto text = settings::effective_yaml(*loaded.settings);
  const auto again = settings::load(text, "dump");
  CHECK(test::lines_of(again).empty());
  REQUIRE(again.settings);
  CHECK(settings::effective_yaml(*again.settings) == text);
  CHECK(again.settings->routes.size() == loaded.settings->routes.size());
  CHECK(settings::effective_yaml(settings::Settings{}).find("memory: 256MiB") != std::string::npos);
}

TEST_CASE("the shipped configuration is neutral: it caches what the responses' own fields allow") {
  const auto text = content("config/larder.yaml");
  const auto loaded = settings::load(text, "larder.yaml");
  CHECK(test::lines_of(loaded).empty());
  REQUIRE(loaded.settings);
  REQUIRE(loaded.settings->routes.size() == 1);
  CHECK(loaded.settings->route_for("/anything")->cache == settings::CacheMode::standard);
  // The example in a comment is valid.
  std::istringstream lines(text);
  std::string with_example;
  for (std::string line; std::getline(lines, line);) {
    const bool is_example = line.starts_with("  # - path:") || line.starts_with("  #   ");
    with_example += (is_example ? "  " + line.substr(4) : line) + "\n";
  }
  const auto example = settings::load(with_example, "larder.yaml");
  CHECK(test::lines_of(example).empty());
  REQUIRE(example.settings);
  REQUIRE(example.settings->routes.size() == 2);
  CHECK(example.settings->route_for("/orders/")->keeps_warm());
}

TEST_CASE("the example for State Hub has no problems") {
  const auto loaded = settings::load(content("config/examples/statehub.yaml"), "statehub.yaml");
  CHECK(test::lines_of(loaded).empty());
  REQUIRE(loaded.settings);
  CHECK(loaded.settings->routes.size() == 10);
  for (const auto& route : loaded.settings->routes) {
    if (route.cache != settings::CacheMode::ttl) continue;
    CHECK(route.keeps_warm());
    CHECK(route.stale_while_revalidate);
    CHECK(route.stale_if_error);
  }
  CHECK(loaded.settings->route_for("/anything/else")->cache == settings::CacheMode::standard);
  CHECK(loaded.settings->route_for("/events")->cache == settings::CacheMode::off);
}

TEST_CASE("every row has a unique name, a description and a default that it can read") {
  check_rows(settings::top_rows());
  check_rows(settings::route_rows());
}

TEST_CASE("every row writes what it reads") {
  const std::string text = R"(
listen: ["[::1]:81", unix:/run/larder.sock, fd:web]
upstream: {url: http://api, connections: 2, queue: 3, queue_timeout: 4s, keep_alive: 8500ms}
admin: unix:/run/admin.sock
loops: auto
cache: {memory: 64MiB, persist: "/var/cache/a cache: its file"}
access_log: json
compression: {codings: [br], min_size: 100B}
routes:
  - path: /topics/{id}
    ttl: 90s
    stale_if_error: off
    fields: ["a, b", c.d]
    key: {query: [limit, "a b"], headers: cookie}
    despite: [private, no-store]
    invalidated_by: ["/t/{id}", /t/**]
    client_cache_control: private, max-age=5
)";
  const auto loaded = settings::load(text, "f");
  REQUIRE(loaded.settings);
  const auto root = YAML::Load(text);
  check_written(settings::top_rows(), *loaded.settings, root);
  check_written(settings::route_rows(), loaded.settings->routes.at(0), root["routes"][0]);
}

namespace {

// A file with that key, which may have a mapping, at that value.
std::string file_with(const std::string& name, const std::string& value, bool of_route) {
  auto member = name + ": " + value;
  for (std::size_t at = name.find('.'); at != std::string::npos; at = name.find('.', at + 1))
    member = member.replace(member.find('.', member.rfind('{') == std::string::npos ? 0 : member.rfind('{')),
                            1, ": {") +
             "}";
  if (!of_route) return member + "\n";
  return "routes: [{path: /a, " + std::string(name == "ttl" ? "" : "ttl: 30s, ") + member + "}]\n";
}

// Whether the file has an error of that key: other keys may disagree with an extreme value.
bool is_refused(const std::string& name, const std::string& value, bool of_route) {
  const auto loaded = settings::load(file_with(name, value, of_route), "f");
  return std::any_of(loaded.problems.begin(), loaded.problems.end(), [&](const auto& problem) {
    return problem.severity == settings::Problem::Severity::error && problem.message.starts_with(name + ": ");
  });
}

template <class Target>
void check_bounds(const std::vector<settings::Row<Target>>& rows, bool of_route) {
  using Kind = settings::Form::Kind;
  for (const auto& row : rows) {
    const auto& form = row.form;
    if (form.kind != Kind::duration && form.kind != Kind::size && form.kind != Kind::number) continue;
    const auto text = [&](std::uint64_t value) {
      return std::to_string(value) + (form.kind == Kind::duration ? "ms"
                                      : form.kind == Kind::size   ? "B"
                                                                  : "");
    };
    INFO(row.name << ", " << row.form.range);
    CHECK_FALSE(is_refused(row.name, text(form.least), of_route));
    CHECK_FALSE(is_refused(row.name, text(form.greatest), of_route));
    CHECK(is_refused(row.name, text(form.greatest + 1), of_route));
    if (form.least > 0) CHECK(is_refused(row.name, text(form.least - 1), of_route));
  }
}

template <class Target>
void check_words(const std::vector<settings::Row<Target>>& rows, bool of_route) {
  for (const auto& row : rows) {
    INFO(row.name);
    for (const auto& word : row.form.words) {
      if (row.name == "cache" && of_route) continue;  // instead of the ttl
      CHECK_FALSE(is_refused(row.name, word, of_route));
    }
    if (row.form.kind == settings::Form::Kind::choice && !row.form.or_names)
      CHECK(is_refused(row.name, "nonsense", of_route));
  }
}

}  // namespace

TEST_CASE("the bounds and words of each row are those that the loader accepts") {
  check_bounds(settings::top_rows(), false);
  check_bounds(settings::route_rows(), true);
  check_words(settings::top_rows(), false);
  check_words(settings::route_rows(), true);
}

TEST_CASE("the default of each row is the value without the key, and can be written") {
  const auto without = settings::load("routes: [{path: /a, ttl: 30s}]\n", "f");
  REQUIRE(without.settings);
  const auto text = settings::effective_yaml(*without.settings);
  for (const auto& row : settings::top_rows()) {
    const auto value = row.default_value();
    if (value.empty() || row.name == "compression") continue;
    INFO(row.name << ": " << value);
    const auto loaded =
        settings::load(file_with(row.name, value, false) + "routes: [{path: /a, ttl: 30s}]\n", "f");
    REQUIRE(loaded.settings);
    CHECK(settings::effective_yaml(*loaded.settings) == text);
  }
}
