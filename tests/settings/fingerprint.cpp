// Which settings are part of the fingerprint of a route. What is stored under another fingerprint is not
// used.
#include "settings/table.hpp"
#include "support.hpp"

#include <map>
#include <set>

using namespace larder;
using settings::Fingerprint;
using test::good;

namespace {

struct Values {
  std::string first, second;
  std::string others = {};  // further keys of the route that both need
};

// Two values of each key of a route.
const std::map<std::string, Values> route_values = {
    {"path", {"/a/", "/b/"}},
    {"ttl", {"1m", "2m"}},
    {"cache", {"standard", "off"}},
    {"negative_ttl", {"1s", "2s"}},
    {"stale_while_revalidate", {"1s", "2s"}},
    {"stale_if_error", {"1s", "2s"}},
    {"keep_warm", {"1m", "2m"}},
    {"warm", {"false", "true"}},
    {"refresh_param", {"fresh", "reload"}},
    {"refresh_min_interval", {"1s", "2s"}},
    {"fields", {"id", "[id, slug]"}},
    {"items", {"data", "topics", "fields: id"}},
    {"fields_param", {"fields", "only"}},
    {"etag_ignore", {"generated_at", "[generated_at, took]"}},
    {"key.query", {"all", "none"}},
    {"key.headers", {"accept-language", "[accept-language, x-tenant]"}},
    {"key.cookies", {"session", "[session, theme]"}},
    {"bypass.cookies", {"session", "[session, preview]"}},
    {"bypass.headers", {"x-preview", "[x-preview, x-debug]"}},
    {"client_directives", {"obey", "ignore"}},
    {"store_errors", {"true", "false"}},
    {"despite", {"no-store", "[no-store, private]"}},
    {"invalidated_by", {"/a/", "/b/"}},
    {"invalidation", {"hard", "soft"}},
    {"groups", {"lists", "[lists, dashboard]"}},
    {"compress", {"auto", "off"}},
    {"client_cache_control", {"no-store", "\"private, max-age=5\""}},
};

// `compression.min_size: 1KiB` as YAML: `compression: {min_size: 1KiB}`.
std::string key_with(const std::string& name, const std::string& value) {
  const auto dot = name.find('.');
  return dot == std::string::npos ? name + ": " + value
                                  : name.substr(0, dot) + ": {" + name.substr(dot + 1) + ": " + value + "}";
}

std::uint64_t fingerprint_of(const std::string& text) {
  const auto settings = good(text);
  REQUIRE(settings.routes.size() == 1);
  return settings.routes.front().config_fingerprint;
}

std::uint64_t fingerprint_with(const std::string& name, const std::string& value, const std::string& others) {
  std::string text = "routes:\n  - " + key_with(name, value) + "\n";
  if (name != "path") text += "    path: /a/\n";
  if (name != "ttl" && name != "cache") text += "    ttl: 1m\n";
  if (!others.empty()) text += "    " + others + "\n";
  return fingerprint_of(text);
}

template <class Target>
std::set<std::string> included(const std::vector<settings::Row<Target>>& rows) {
  std::set<std::string> names;
  for (const auto& row : rows) {
    if (row.fingerprint == Fingerprint::included) names.insert(row.name);
  }
  return names;
}

}  // namespace

TEST_CASE("two routes that differ in one key have different fingerprints exactly if the key's row says so") {
  for (const auto& row : settings::route_rows()) {
    INFO(row.name);
    const auto at = route_values.find(row.name);
    REQUIRE(at != route_values.end());  // a new key needs two values here
    const auto& [first, second, others] = at->second;
    const bool differ =
        fingerprint_with(row.name, first, others) != fingerprint_with(row.name, second, others);
    CHECK(differ == (row.fingerprint == Fingerprint::included));
    CHECK(fingerprint_with(row.name, first, others) == fingerprint_with(row.name, first, others));
  }
}

TEST_CASE("the caching mode is part of the fingerprint, a lifetime is not") {
  const auto of = [](const std::string& mode) {
    return fingerprint_of("routes:\n  - {path: /a/, " + mode + "}");
  };
  CHECK(of("ttl: 1m") == of("ttl: 2m"));
  CHECK(of("ttl: 1m") != of("cache: standard"));
}

TEST_CASE("the keys of a route that are part of the fingerprint") {
  CHECK(included(settings::route_rows()) ==
        std::set<std::string>{"cache", "fields", "items", "fields_param", "etag_ignore", "key.headers",
                              "key.cookies", "bypass.cookies", "bypass.headers", "store_errors", "despite",
                              "groups", "compress", "client_cache_control"});
}

TEST_CASE("top-level keys that are part of the fingerprint change it for every route") {
  CHECK(included(settings::top_rows()) ==
        std::set<std::string>{"credentials", "compression", "compression.codings", "compression.min_size"});
  const std::string route = "\nroutes:\n  - {path: /a/, ttl: 1m}";
  const auto plain = fingerprint_of(route);
  for (const auto* line : {"credentials: [authorization]", "compression: off", "compression: {codings: gzip}",
                           "compression: {min_size: 1MiB}"}) {
    INFO(line);
    CHECK(fingerprint_of(line + route) != plain);
  }
  for (const auto* line : {"compression: {gzip_level: 1}", "loops: 2", "cache: {memory: 1GiB}",
                           "upstream: {connections: 2}", "compression: auto"}) {
    INFO(line);
    CHECK(fingerprint_of(line + route) == plain);
  }
}

TEST_CASE("the bound placeholders of invalidated_by are part of the fingerprint, its other paths are not") {
  const auto of = [](const std::string& patterns) {
    return fingerprint_of("routes:\n  - {path: '/a/{id}/{kind}', ttl: 1m, invalidated_by: [" + patterns +
                          "]}");
  };
  CHECK(of("/b") == of("/c"));
  CHECK(of("/b") != of("'/b/{=id}'"));
  CHECK(of("'/b/{=id}'") == of("'/c/{=id}', /d"));
  CHECK(of("'/b/{=id}'") != of("'/b/{=kind}'"));
}
