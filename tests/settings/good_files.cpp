// Valid files and the resulting settings.
#include "support.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace larder;
using namespace larder::settings;
using test::good;

TEST_CASE("an empty file of any kind gives the defaults") {
  for (const auto* text : {"", "\n", "# nothing\n", "---\n", "{}", "~\n"}) {
    const auto settings = good(text);
    CHECK(settings.listen.size() == 1);
    CHECK(to_string(settings.listen[0].address) == "127.0.0.1:8080");
    CHECK(settings.upstream.url == "http://127.0.0.1:8000");
    CHECK_FALSE(settings.admin);
    CHECK(settings.routes.empty());
    CHECK(settings.loops == 1);
    CHECK(settings.cache.memory == 256u << 20);
  }
}

TEST_CASE("the contract's example loads") {
  const auto loaded = load(R"(
listen: 127.0.0.1:8080          # host:port, [::1]:port, unix:/path, fd:NAME (socket activation), or a list
upstream: http://127.0.0.1:8000 # or a mapping: url, connections, connect_timeout, ...
admin: 127.0.0.1:9901           # or unix:/path; left out = no admin listener
loops: 1
cache:
  memory: 256MiB
  max_body: 16MiB
  persist: /var/cache/larder/cache.db    # left out = memory only
routes:                          # the first match wins
  - path: /workstreams/workplan-index
    ttl: 30s
    refresh_param: refresh       # ?refresh=1 fetches anew and refills the same entry
  - path: /state/summary
    ttl: 15s
  - path: /topics/               # exact; `/topics/{id}` one segment; `/static/**` the rest
    ttl: 30s
    fields: [id, slug, title, domain_slug, status, created_at, updated_at]
    invalidated_by: [/topics/**]
  - path: /**
    cache: standard              # upstream's own headers decide (RFC 9111)
)",
                           "larder.yaml");
  CHECK(test::lines_of(loaded).empty());
  REQUIRE(loaded.settings);
  const auto& settings = *loaded.settings;
  CHECK(to_string(*settings.admin) == "127.0.0.1:9901");
  CHECK(settings.cache.persist == "/var/cache/larder/cache.db");
  REQUIRE(settings.routes.size() == 4);
  CHECK(settings.routes[0].refresh_param == "refresh");
  CHECK(settings.routes[0].ttl == 30s);
  CHECK(settings.routes[2].fields.size() == 7);
  CHECK(settings.routes[2].invalidated_by.at(0).matches("/topics/1"));
  CHECK(settings.routes[3].cache == CacheMode::standard);
}

TEST_CASE("every key of the top level sets its member") {
  const auto settings = good(R"(
listen: ["[::1]:81", unix:/run/larder.sock, fd:web, ":82"]
upstream:
  url: http://[::1]:83/
  connections: 2
  queue: 3
  queue_timeout: 4s
  connect_timeout: 5ms
  first_byte_timeout: 6m
  idle_timeout: 7h
  keep_alive: 8s
  resolve_interval: 9s
admin: unix:/run/admin.sock
loops: auto
trusted_proxies: [10.0.0.0/8, unix]
credentials: [X-Session-Token]
upgrade: []
underscores: pass
cache: {memory: 64MiB, max_body: 512KiB, variants: 10, uncacheable_memory: 0s}
access_log: combined
log_level: trace
drain_timeout: 11s
limits: {head: 16KiB, target: 1KiB, field: 2KiB, fields: 12, method: 13B, chunk_extension: 0B, trailers: 14B,
         body: 15KiB, buffer: 16KiB, connections: 17, hops: 3, requests_per_connection: 18}
timeouts: {head: 19s, body: 20s, write: 21s, idle: 22s, tunnel: 23s}
)");
  CHECK(to_string(settings.listen.at(0).address) == "[::1]:81");
  CHECK(std::get<UnixAddress>(settings.listen.at(1).address).path == "/run/larder.sock");
  CHECK(std::get<InheritedSocket>(settings.listen.at(2).address).name == "web");
  CHECK(std::get<TcpAddress>(settings.listen.at(3).address).host.empty());
  const auto& upstream = settings.upstream;
  CHECK(upstream.url == "http://[::1]:83/");
  CHECK(upstream.authority == "[::1]:83");
  CHECK(std::get<TcpAddress>(upstream.address).host == "::1");
  CHECK(upstream.connections == 2);
  CHECK(upstream.queue == 3);
  CHECK(upstream.queue_timeout == 4s);
  CHECK(upstream.connect_timeout == 5ms);
  CHECK(upstream.first_byte_timeout == 6min);
  CHECK(upstream.idle_timeout == 7h);
  CHECK(upstream.keep_alive == 8s);
  CHECK(upstream.resolve_interval == 9s);
  CHECK(to_string(*settings.admin) == "unix:/run/admin.sock");
  CHECK(settings.loops == 0);
  CHECK(settings::contains(settings.trusted_proxies, "10.1.2.3"));
  CHECK(settings::contains(settings.trusted_proxies, ""));
  CHECK_FALSE(settings::contains(settings.trusted_proxies, "127.0.0.1"));
  CHECK(settings.credentials == std::vector<std::string>{"x-session-token"});
  CHECK(settings.request_fields.role_of("X-Session-Token") == settings::FieldRole::credential);
  CHECK(settings.request_fields.role_of("Authorization") == settings::FieldRole::credential);
  CHECK(settings.request_fields.role_of("X-API-Key") == settings::FieldRole::other);
  CHECK(settings.upgrade.empty());
  CHECK(settings.gate.underscores);
  CHECK(settings.limits.hops == 3);
  CHECK(settings.cache.memory == 64u << 20);
  CHECK(settings.cache.max_body == 512u << 10);
  CHECK(settings.cache.variants == 10);
  CHECK(settings.cache.uncacheable_memory == 0s);
  CHECK(settings.access_log == AccessLog::combined);
  CHECK(settings.log_level == "trace");
  CHECK(settings.drain_timeout == 11s);
  CHECK(settings.gate.head == 16384);
  CHECK(settings.gate.target == 1024);
  CHECK(settings.gate.field == 2048);
  CHECK(settings.gate.fields == 12);
  CHECK(settings.gate.method == 13);
  CHECK(settings.gate.chunk_extension == 0);
  CHECK(settings.gate.trailers == 14);
  CHECK(settings.limits.body == 15 * 1024);
  CHECK(settings.limits.buffer == 16384);
  CHECK(settings.limits.connections == 17);
  CHECK(settings.limits.requests_per_connection == 18);
  CHECK(settings.timeouts.head == 19s);
  CHECK(settings.timeouts.body == 20s);
  CHECK(settings.timeouts.write == 21s);
  CHECK(settings.timeouts.idle == 22s);
  CHECK(settings.timeouts.tunnel == 23s);
}

TEST_CASE("an upstream's URL alone leaves its mapping's other members at their defaults") {
  const auto settings = good("upstream: HTTP://api\n");
  CHECK(settings.upstream.authority == "api");
  CHECK(std::get<TcpAddress>(settings.upstream.address).port == 80);
  CHECK(settings.upstream.connections == Upstream{}.connections);
  CHECK(good("upstream: {queue: 0}\n").upstream.url == Upstream{}.url);
  CHECK(good("upstream: unix:/run/api.sock\n").upstream.authority == "localhost");
}

TEST_CASE("every key of a route sets its member") {
  const auto loaded = load(R"(
routes:
  - path: /topics/
    ttl: 30s
    negative_ttl: 5s
    stale_while_revalidate: 1m
    stale_if_error: 1h
    keep_warm: 10m
    warm: true
    refresh_param: refresh
    refresh_min_interval: 2s
    fields: [id, domain.slug]
    items: workstreams.*
    fields_param: fields
    etag_ignore: generated_at
    key: {query: [limit, status], headers: [X-Team, cookie], cookies: [Session]}
    bypass: {cookies: preview, headers: [X-Debug]}
    client_directives: ignore
    store_errors: false
    despite: [no-store, no-cache, private, set-cookie, authorization]
    invalidated_by: ["/topics/{id}", /topics/]
    invalidation: soft
    groups: [topics, lists]
    compress: off
    client_cache_control: private, max-age=5
)",
                           "f");
  REQUIRE(loaded.settings);
  CHECK(loaded.problems.empty());
  const auto& route = loaded.settings->routes.at(0);
  CHECK(route.name == "/topics/");
  CHECK(route.path.matches("/topics/"));
  CHECK(route.index == 0);
  CHECK(route.cache == CacheMode::ttl);
  CHECK(route.ttl == 30s);
  CHECK(route.negative_ttl == Millis{5s});
  CHECK(route.stale_while_revalidate == Millis{1min});
  CHECK(route.stale_if_error == Millis{1h});
  CHECK(route.keep_warm == Millis{10min});
  CHECK(route.warm);
  CHECK(route.refresh_param == "refresh");
  CHECK(route.refresh_min_interval == 2s);
  CHECK(route.fields == std::vector<std::string>{"id", "domain.slug"});
  CHECK(route.items == "workstreams.*");
  CHECK(route.fields_param == "fields");
  CHECK(route.etag_ignore == std::vector<std::string>{"generated_at"});
  CHECK(route.key.query == KeyRule::Query::named);
  CHECK(route.key.query_names == std::vector<std::string>{"limit", "status"});
  CHECK(route.key.headers == std::vector<std::string>{"x-team", "cookie"});
  CHECK(route.key.cookies == std::vector<std::string>{"Session"});
  CHECK(route.bypass.cookies == std::vector<std::string>{"preview"});
  CHECK(route.bypass.headers == std::vector<std::string>{"x-debug"});
  CHECK(route.client_directives == ClientDirectives::ignore);
  CHECK_FALSE(route.store_errors);
  const auto& despite = route.despite;
  CHECK((despite.no_store && despite.no_cache && despite.is_private && despite.set_cookie));
  CHECK(despite.authorization);
  CHECK(route.invalidated_by.size() == 2);
  CHECK(route.invalidation == Invalidation::soft);
  CHECK(route.groups == std::vector<std::string>{"topics", "lists"});
  CHECK_FALSE(route.compress);
  CHECK(route.client_cache_control == "private, max-age=5");
}

TEST_CASE("compression may be a word or a mapping") {
  const auto read = [](const std::string& text) {
    const auto loaded = load(text, "f");
    REQUIRE(loaded.settings);
    return loaded.settings->compression;
  };
  CHECK_FALSE(read("compression: off\n").on);
  CHECK(read("compression: auto\n").on);
  const auto some = read("compression: {codings: [gzip, br], min_size: 2KiB}\n");
  CHECK(some.on);
  CHECK(some.codings == std::vector<Compression::Coding>{Compression::Coding::gzip, Compression::Coding::br});
  CHECK(some.min_size == 2048);
}

TEST_CASE("anchors, aliases, quotes and both styles of YAML are equivalent") {
  const auto settings = good(R"(
"listen": '127.0.0.1:81'
routes:
  - path: /a
    ttl: &short 5s
    fields: &lean [id, slug]
  - {path: "/b", ttl: *short, fields: *lean}
)");
  CHECK(settings.routes.at(1).ttl == 5s);
  CHECK(settings.routes.at(1).fields == settings.routes.at(0).fields);
}

TEST_CASE("the first matching route applies to a path") {
  const auto settings = good(R"(
routes:
  - {path: /topics/, ttl: 1s}
  - {path: "/topics/{id}", ttl: 2s}
  - {path: /topics/**, cache: off}
  - {path: /static/**, cache: standard}
)");
  const auto index = [&](std::string_view path) {
    const auto* route = settings.route_for(path);
    return route == nullptr ? -1 : static_cast<int>(route->index);
  };
  CHECK(index("/topics/") == 0);
  CHECK(index("/topics/7") == 1);
  CHECK(index("/topics/7/x") == 2);
  CHECK(index("/static/") == 3);
  CHECK(index("/") == -1);
  CHECK(index("/topics") == -1);
}

TEST_CASE("a shape identifies the projection and nothing else") {
  const auto shape = [](const std::string& keys) {
    const auto loaded = load("routes:\n  - {path: /a, ttl: 1s, " + keys + "}\n", "f");
    REQUIRE(loaded.settings);
    return loaded.settings->routes.at(0).shape;
  };
  CHECK(shape("compress: auto").empty());
  CHECK(shape("fields: [a, b]") == shape("fields: [b, a]"));
  CHECK(shape("fields: [a, b]") != shape("fields: [\"a,b\"]"));
  CHECK(shape("fields: [a]") != shape("etag_ignore: [a]"));
  CHECK(shape("fields: [a], items: b") != shape("fields: [a, b]"));
  CHECK(shape("fields: [a], items: b") != shape("fields: [a], etag_ignore: [b]"));
  CHECK(shape("fields: [a]").find('\n') == std::string::npos);
}

TEST_CASE("a file is read from disk; an unreadable file is a problem without position") {
  const auto path = "/tmp/larder-settings-test-" + std::to_string(::getpid()) + ".yaml";
  std::ofstream(path) << "loops: 2\n";
  CHECK(load_file(path).settings->loops == 2);
  std::ofstream(path) << "";
  CHECK(load_file(path).settings);
  std::ofstream(path) << "loop: 2\n";
  CHECK(test::lines_of(load_file(path)) ==
        std::vector<std::string>{path + ":1:1: unknown key 'loop'; did you mean 'loops'?"});
  std::ofstream(path) << std::string((4u << 20) + 1, '#');
  CHECK(test::lines_of(load_file(path)) ==
        std::vector<std::string>{
            path + ": is larger than 4MiB, the maximum for a configuration file; check the path"});
  std::remove(path.c_str());
  CHECK(test::lines_of(load_file(path)) ==
        std::vector<std::string>{path +
                                 ": cannot be read: No such file or directory; name another file with -c"});
  CHECK(test::lines_of(load_file("/")) ==
        std::vector<std::string>{"/: cannot be read: Is a directory; name another file with -c"});
}
