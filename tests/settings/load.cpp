#include "settings/load.hpp"

#include "../catch.hpp"

using namespace larder::settings;
using namespace std::chrono_literals;

namespace {

std::string problems(const std::string& text) {
  std::string out;
  for (const auto& problem : load(text, "f").problems) out += problem.text() + "\n";
  return out;
}

std::shared_ptr<const Settings> loaded(const std::string& text) {
  auto result = load(text, "f");
  for (const auto& problem : result.problems) UNSCOPED_INFO(problem.text());
  REQUIRE(result.settings);
  return result.settings;
}

const Route route(const std::string& keys) {
  return loaded("routes: [{path: /a, " + keys + "}]")->routes.at(0);
}

struct Row {
  const char* text;
  const char* problem;  // the whole text, without the last line end
};

const Row bad[] = {
    {"lisen: 127.0.0.1:1", "f:1:1: unknown key 'lisen'; did you mean 'listen'?"},
    {"\n\n  rutes: []", "f:3:3: unknown key 'rutes'; did you mean 'routes'?"},
    {"cache: {memry: 5MiB}", "f:1:9: unknown key 'memry' in cache; did you mean 'memory'?"},
    {"ttl: 5s", "f:1:1: unknown key 'ttl'; it belongs in a route"},
    {"max_body: 5MiB", "f:1:1: unknown key 'max_body'; it belongs in cache"},
    {"routes: [{path: /a, ttl: 1s, loops: 2}]",
     "f:1:30: unknown key 'loops' in a route; it belongs at the top level"},
    {"loops: 1\nloops: 2", "f:2:1: 'loops' stands there twice, first in line 1"},
    {"cache: {memory: 5MiB, memory: 6MiB}",
     "f:1:9: cache.max_body (16MiB) is more than cache.memory (5MiB); nothing of that size fits\nf:1:23: "
     "'memory' stands there twice, first in line 1"},
    {"listen:", "f:1:1: listen has no value; give it one or leave it out"},
    {"listen: 8080", "f:1:9: listen: '8080' has no host; write 127.0.0.1:8080"},
    {"listen: localhost:", "f:1:18: not YAML: illegal map value"},
    {"listen: localhost:65536", "f:1:9: listen: '65536' is not a port; write a number from 0 to 65535"},
    {"listen: ::1:80", "f:1:9: listen: '::1:80' has an IPv6 address without brackets; write [::1]:80"},
    {"listen: http://a:1",
     "f:1:9: listen: 'http://a:1' is a URL; write host:port, [::1]:port, unix:/path or fd:NAME"},
    {"listen: unix:relative",
     "f:1:9: listen: 'relative' is not the absolute path of a Unix socket; write "
     "unix:/run/larder/larder.sock"},
    {"listen: 'fd:'",
     "f:1:9: listen: 'fd:' has no name of a socket; write fd: and its FileDescriptorName=, such as "
     "fd:larder"},
    {"listen: []", "f:1:9: listen is an empty list; leave it out instead"},
    {"listen: {a: b}", "f:1:9: listen wants a value or a list of them, not a mapping"},
    {"listen: [127.0.0.1:1, 127.0.0.1:1]", "f:1:23: listen: '127.0.0.1:1' stands there twice"},
    {"upstream: https://a",
     "f:1:11: upstream: larder speaks plain HTTP to an API beside it, no TLS; write http://host:port or "
     "unix:/path"},
    {"upstream: localhost:8000",
     "f:1:11: upstream: 'localhost:8000' is not an upstream; write http://host:port or unix:/path"},
    {"upstream: http://a/b",
     "f:1:11: upstream: write a host and a port, without path, query or user, such as http://127.0.0.1:8000"},
    {"upstream: {url: 'http://a:0'}",
     "f:1:17: upstream.url: 'http://a:0' wants a host, and a port from 1 to 65535: http://127.0.0.1:8000"},
    {"upstream: {connections: 0}", "f:1:25: upstream.connections: '0' is outside 1 to 65536"},
    {"upstream: {connections: many}",
     "f:1:25: upstream.connections: 'many' is not a whole number; write digits alone"},
    {"upstream: http://127.0.0.1:8080",
     "f:1:1: upstream: http://127.0.0.1:8080 is larder's own listener 127.0.0.1:8080; requests would go "
     "round in a circle"},
    {"admin: 0.0.0.0:9901",
     "f:1:1: admin: 0.0.0.0:9901 may be reached from other hosts, and the admin listener asks nobody for "
     "a password; write 127.0.0.1:9901, [::1]:9901 or unix:/path"},
    {"admin: 127.0.0.1:8080",
     "f:1:1: admin: 127.0.0.1:8080 is where clients connect; give the admin listener an address of its own"},
    {"loops: 0", "f:1:8: loops: '0' is neither auto nor a number from 1 to 256"},
    {"loops: -1", "f:1:8: loops: '-1' is neither auto nor a number from 1 to 256"},
    {"cache: {memory: 30}",
     "f:1:17: cache.memory: '30' has no unit; write 30B or 30MiB (the units are B KiB MiB GiB)"},
    {"cache: {memory: 30MB}",
     "f:1:17: cache.memory: '30MB' has an unknown unit; write 30MiB (the units are B KiB MiB GiB)"},
    {"cache: {memory: 1KiB}", "f:1:17: cache.memory: '1KiB' is outside 1MiB to 1024GiB"},
    {"cache: {memory: 99999999999999999999GiB}",
     "f:1:17: cache.memory: '99999999999999999999GiB' is too large"},
    {"cache: {max_body: 1GiB}",
     "f:1:9: cache.max_body (1GiB) is more than cache.memory (256MiB); nothing of that size fits"},
    {"cache: 256MiB", "f:1:8: cache wants a mapping, such as cache: {memory: 256MiB}"},
    {"timeouts: {idle: 30}", "f:1:18: timeouts.idle: '30' has no unit; write 30s (the units are ms s m h)"},
    {"timeouts: {idle: 30sec}",
     "f:1:18: timeouts.idle: '30sec' has an unknown unit; write 30s (the units are ms s m h)"},
    {"timeouts: {idle: 1.5s}",
     "f:1:18: timeouts.idle: '1.5s' is not a whole number; write it in a smaller unit (the units are ms s m "
     "h)"},
    {"timeouts: {idle: soon}",
     "f:1:18: timeouts.idle: 'soon' is not a duration; write a whole number and a unit, such as 30s"},
    {"timeouts: {idle: 0ms}", "f:1:18: timeouts.idle: '0ms' is outside 1ms to 8760h"},
    {"access_log: jason", "f:1:13: access_log: 'jason' is none of off, json, combined; did you mean 'json'?"},
    {"log_level: loud", "f:1:12: log_level: 'loud' is none of trace, debug, info, warning, error"},
    {"routes: /a", "f:1:9: routes wants a list, each route beginning with - path: /topics/"},
    {"routes: [/a]", "f:1:10: a route is a mapping; write - path: /topics/"},
    {"routes: [{ttl: 5s}]", "f:1:10: a route without path; write - path: /topics/"},
    {"routes: [{path: /a}]",
     "f:1:10: a route says how it caches; add ttl: 30s, cache: standard or cache: off"},
    {"routes: [{path: /a, ttl: 5s, cache: off}]", "f:1:30: a route has either ttl or cache; leave one out"},
    {"routes: [{path: /a, ttl: 0s}]", "f:1:26: ttl: '0s' keeps nothing; write cache: off in its place"},
    {"routes: [{path: /a, ttl: 5}]", "f:1:26: ttl: '5' has no unit; write 5s (the units are ms s m h)"},
    {"routes: [{path: a, ttl: 5s}]", "f:1:17: path: 'a': a path begins with '/'"},
    {"routes: [{path: /**/a, ttl: 5s}]",
     "f:1:17: path: '/**/a': '**' stands for the rest of a path, so it comes last"},
    {"routes: [{path: /a, cache: on}]", "f:1:28: cache: 'on' is none of off, standard"},
    {"routes: [{path: /a, cache: off, fields: [id]}]",
     "f:1:33: fields means nothing with cache: off; write a ttl or cache: standard"},
    {"routes: [{path: /a, cache: standard, despite: [private]}]",
     "f:1:38: despite wants a ttl; with cache: standard upstream's own fields decide"},
    {"routes: [{path: /a, ttl: 5s, fields: []}]", "f:1:38: fields is an empty list; leave it out instead"},
    {"routes: [{path: /a, ttl: 5s, fields: [id, id]}]", "f:1:43: fields: 'id' stands there twice"},
    {"routes: [{path: /a, ttl: 5s, fields: [a..b]}]",
     "f:1:39: fields: 'a..b' is not a field; write a name, or names joined by dots: "
     "domain.slug"},
    {"routes: [{path: /a, ttl: 5s, items: data}]",
     "f:1:30: items wants fields: it says where the list is whose items are cut down"},
    {"routes: [{path: /a, ttl: 5s, despite: [cookies]}]",
     "f:1:40: despite: 'cookies' is none of no-store, no-cache, private, set-cookie, "
     "authorization"},
    {"routes: [{path: /a, ttl: 5s, despite: [no_store]}]",
     "f:1:40: despite: 'no_store' is none of no-store, no-cache, private, set-cookie, "
     "authorization; did you mean 'no-store'?"},
    {"routes: [{path: /a, ttl: 5s, key: all}]", "f:1:35: key wants a mapping, such as key: {query: all}"},
    {"routes: [{path: /a, ttl: 5s, key: {query: some}}]",
     "f:1:43: key.query: 'some' is neither all, none nor a list; write [some]"},
    {"routes: [{path: /a, ttl: 5s, key: {headers: ['a b']}}]",
     "f:1:46: key.headers: 'a b' is not a field name (RFC 9110 5.1), such as accept-language"},
    {"routes: [{path: /a, ttl: 5s, refresh_param: 'a b'}]",
     "f:1:45: refresh_param: 'a b' is not the name of a query parameter; write letters, digits and - . _ ~ "
     "alone"},
    {"routes: [{path: /a, ttl: 5s, invalidated_by: [b]}]",
     "f:1:47: invalidated_by: 'b': a path begins with '/'"},
    {"routes:\n  - {path: /a/**, ttl: 1s}\n  - {path: '/a/{b}', ttl: 1s}",
     "f:3:6: this route can never match: '/a/**' in line 2 comes first; put the narrower one above it"},
    {"- a", "f:1:1: the file is no mapping of keys to values; write for instance listen: 127.0.0.1:8080"},
    {"a: b\n---\nc: d", "f:2:1: a second YAML document; keep one, without --- or ... in between"},
    {"a: [", "f:1:1: not YAML: end of sequence flow not found"},
    {"\tlisten: x", "f:1:1: not YAML: a tab; lines are indented with blanks"},
    {"listen: &a [*a]", "f:1:9: listen: an element is no single value"},
    {"? {a: b}\n: c", "f:1:3: a key is a single word"},
};

}  // namespace

TEST_CASE("what is wrong with a file is said with its place and a remedy") {
  for (const auto& row : bad) {
    INFO(row.text);
    const auto result = load(row.text, "f");
    CHECK_FALSE(result.settings);
    REQUIRE_FALSE(result.problems.empty());
    CHECK(problems(row.text) == std::string(row.problem) + "\n");
  }
}

TEST_CASE("every problem is reported, in the order of the file") {
  CHECK(problems("loops: 0\nlisen: x\naccess_log: x\n") ==
        "f:1:8: loops: '0' is neither auto nor a number from 1 to 256\n"
        "f:2:1: unknown key 'lisen'; did you mean 'listen'?\n"
        "f:3:13: access_log: 'x' is none of off, json, combined\n");
}

TEST_CASE("an empty file is all defaults") {
  for (const char* text : {"", "# nothing\n", "---\n"}) {
    const auto settings = loaded(text);
    CHECK(to_string(settings->listen.at(0)) == "127.0.0.1:8080");
    CHECK(settings->upstream.url == "http://127.0.0.1:8000");
    CHECK(settings->cache.memory == 256u << 20);
    CHECK(settings->loops == 1);
    CHECK_FALSE(settings->admin);
  }
}

TEST_CASE("values arrive where they belong") {
  const auto settings = loaded(
      "listen: ['[::1]:8080', unix:/run/x, fd:web, ':80']\nupstream: {url: 'http://api:9000', connections: "
      "7, first_byte_timeout: 250ms}\n"
      "loops: auto\ncache: {memory: 1GiB, max_body: 2MiB}\naccess_log: combined\nlimits: {head: 16KiB, body: "
      "5MiB, fields: 9}\n"
      "timeouts: {idle: 2m}\ndrain_timeout: 1h\n");
  REQUIRE(settings->listen.size() == 4);
  CHECK(to_string(settings->listen[0]) == "[::1]:8080");
  CHECK(std::get<UnixAddress>(settings->listen[1]).path == "/run/x");
  CHECK(std::get<InheritedSocket>(settings->listen[2]).name == "web");
  CHECK(settings->upstream.authority == "api:9000");
  CHECK(settings->upstream.connections == 7);
  CHECK(settings->upstream.first_byte_timeout == 250ms);
  CHECK(settings->loops == 0);
  CHECK(settings->cache.memory == 1u << 30);
  CHECK(settings->access_log == AccessLog::combined);
  CHECK(settings->gate.head == 16384);
  CHECK(settings->gate.fields == 9);
  CHECK(settings->limits.body == 5u << 20);
  CHECK(settings->timeouts.idle == 2min);
  CHECK(settings->drain_timeout == 1h);
}

TEST_CASE("a route's keys arrive where they belong") {
  const auto made = route(
      "ttl: 30s, negative_ttl: 5s, stale_while_revalidate: 1m, stale_if_error: 1h, refresh_param: refresh, "
      "refresh_min_interval: 2s, "
      "fields: [id, domain.slug], items: data, key: {query: [b, a], headers: [Cookie]}, despite: [no-store, "
      "set-cookie], "
      "invalidated_by: [/a/**, '/b/{id}'], client_cache_control: no-cache");
  CHECK(made.cache == CacheMode::ttl);
  CHECK(made.ttl == 30s);
  CHECK(made.negative_ttl == Millis{5s});
  CHECK(made.stale_while_revalidate == Millis{1min});
  CHECK(made.refresh_param == "refresh");
  CHECK(made.refresh_min_interval == 2s);
  CHECK(made.fields == std::vector<std::string>{"id", "domain.slug"});
  CHECK(made.key.query_names == std::vector<std::string>{"b", "a"});
  CHECK(made.key.headers == std::vector<std::string>{"cookie"});
  CHECK((made.despite.no_store && made.despite.set_cookie && !made.despite.is_private));
  CHECK(made.invalidated_by.size() == 2);
  CHECK(made.client_cache_control == "no-cache");
  CHECK_FALSE(made.shape.empty());
  CHECK(route("ttl: 1s").shape.empty());
  CHECK(route("cache: standard").cache == CacheMode::standard);
  CHECK(route("cache: off").cache == CacheMode::off);
}

TEST_CASE("routes that project differently have different shapes") {
  CHECK(route("ttl: 1s, fields: [a, b]").shape != route("ttl: 1s, fields: [a]").shape);
  CHECK(route("ttl: 1s, fields: [a], items: x").shape != route("ttl: 1s, fields: [a]").shape);
  CHECK(route("ttl: 1s, fields: [a]").shape == route("ttl: 5s, fields: [a]").shape);
}

TEST_CASE("a key that has no effect yet is accepted with a warning") {
  const auto result = load("cache: {persist: /var/cache/x}", "f");
  CHECK(result.settings);
  REQUIRE(result.problems.size() == 1);
  CHECK(result.problems[0].text() == "f:1:9: warning: cache.persist has no effect yet in this version");
}

TEST_CASE("the first route that matches wins") {
  const auto settings =
      loaded("routes: [{path: /a, ttl: 1s}, {path: '/{x}', ttl: 2s}, {path: /b/**, cache: off}]");
  CHECK(settings->route_for("/a")->ttl == 1s);
  CHECK(settings->route_for("/c")->ttl == 2s);
  CHECK(settings->route_for("/b/c/d")->cache == CacheMode::off);
  CHECK(settings->route_for("/c/d") == nullptr);
}

TEST_CASE("the command line's options take the place of the file's, and are checked as those are") {
  const auto with = [](const Overrides& overrides) { return apply(load("", "f"), overrides); };
  const auto good = with({{"127.0.0.1:1", "unix:/x"}, "http://b:2", "127.0.0.1:3"});
  REQUIRE(good.settings);
  CHECK(good.settings->listen.size() == 2);
  CHECK(good.settings->upstream.authority == "b:2");
  CHECK(with({{"nonsense"}, {}, {}}).problems.at(0).text() ==
        "--listen: 'nonsense' has no port; write host:port, [::1]:port, unix:/path or fd:NAME");
  CHECK_FALSE(with({{}, "ftp://x", {}}).settings);
  CHECK_FALSE(with({{}, {}, "0.0.0.0:1"}).settings);
  CHECK_FALSE(with({{}, "http://127.0.0.1:8080", {}}).settings);
}

TEST_CASE("a file that cannot be read is a problem without a place") {
  CHECK(load_file("/no/such/file").problems.at(0).text() ==

        "/no/such/file: cannot be read: No such file or directory; name another file with -c");
}
