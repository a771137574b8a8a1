// Files with invalid keys, and the messages about them.
#include "support.hpp"

using namespace larder::test;

TEST_CASE("an unknown key is reported with a suggestion") {
  check_lines({
      {"lissen: 127.0.0.1:80\n", {"f:1:1: unknown key 'lissen'; did you mean 'listen'?"}},
      {"Listen: 127.0.0.1:80\n", {"f:1:1: unknown key 'Listen'; did you mean 'listen'?"}},
      {"acess-log: off\n", {"f:1:1: unknown key 'acess-log'; did you mean 'access_log'?"}},
      {"ttl: 30s\n", {"f:1:1: unknown key 'ttl'; it belongs in a route"}},
      {"memory: 64MiB\n", {"f:1:1: unknown key 'memory'; it belongs in cache"}},
      {"body: 1MiB\n", {"f:1:1: unknown key 'body'; it belongs in limits or in timeouts"}},
      {"stale_while_revaldate: 30s\n",
       {"f:1:1: unknown key 'stale_while_revaldate'; did you mean 'stale_while_revalidate' in defaults?"}},
      {"quux: 1\n",
       {"f:1:1: unknown key 'quux'; the keys are listen, upstream, admin, admin_token, loops, "
        "trusted_proxies, credentials, upgrade, underscores, cache, defaults, access_log, access_log_file, "
        "access_log_redact, trace_context, request_id, log_level, drain_timeout, limits, timeouts, "
        "compression, routes"}},
      {"cache: {memroy: 64MiB}\n", {"f:1:9: unknown key 'memroy' in cache; did you mean 'memory'?"}},
      {"cache:\n"
       "  listen: 127.0.0.1:80\n",
       {"f:2:3: unknown key 'listen' in cache; it belongs at the top level"}},
      {"cache:\n"
       "  zzzzzz: 1\n",
       {"f:2:3: unknown key 'zzzzzz' in cache; the keys are memory, max_body, variants, uncacheable_memory, "
        "status_key, kept_warm, warm_hosts, warm_before_ready, persist, persist_size, persist_stale"}},
      {"limits:\n"
       "  idle: 30s\n",
       {"f:2:3: unknown key 'idle' in limits; it belongs in timeouts"}},
      {"upstream: {adress: /x}\n",
       {"f:1:12: unknown key 'adress' in upstream; the keys are url, tls, connections, queue, queue_timeout, "
        "connect_timeout, first_byte_timeout, idle_timeout, fill_timeout, total_timeout, keep_alive, "
        "resolve_interval, "
        "background_connections, breaker_failures, breaker_wait, breaker_longest_wait"}},
      {"routes:\n"
       "  - {path: /a, tlt: 30s, cache: off}\n",
       {"f:2:16: unknown key 'tlt' in a route; did you mean 'ttl'?"}},
      {"routes:\n"
       "  - {path: /a, memory: 1MiB, cache: off}\n",
       {"f:2:16: unknown key 'memory' in a route; it belongs in cache"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, key: {headres: [a]}}\n",
       {"f:2:32: unknown key 'headres' in a route's key; did you mean 'headers'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, query: all}\n",
       {"f:2:26: unknown key 'query' in a route; it belongs in a route's key"}},
      {"\n"
       "\n"
       "  rutes: []\n",
       {"f:3:3: unknown key 'rutes'; did you mean 'routes'?"}},
      {"max_body: 5MiB\n", {"f:1:1: unknown key 'max_body'; it belongs in cache"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, loops: 2}\n",
       {"f:2:25: unknown key 'loops' in a route; it belongs at the top level"}},
      {"cache.memory: 64MiB\n", {"f:1:1: 'cache.memory' is not a key; write cache: {memory: ...}"}},
      {"<<: {loops: 2}\n", {"f:1:1: merge keys are not supported; write the keys out"}},
  });
}

TEST_CASE("a missing or duplicate key is an error") {
  check_lines({
      {"- listen\n",
       {"f:1:1: the file must be a mapping of keys to values; write, for example, listen: 127.0.0.1:8080"}},
      {"just a sentence\n",
       {"f:1:1: the file must be a mapping of keys to values; write, for example, listen: 127.0.0.1:8080"}},
      {"loops: 1\n"
       "loops: 2\n",
       {"f:2:1: duplicate key 'loops' (first defined on line 1); remove one"}},
      {"cache: {memory: 64MiB, memory: 32MiB}\n",
       {"f:1:24: duplicate key 'memory' (first defined on line 1); remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, ttl: 2s}\n",
       {"f:2:25: duplicate key 'ttl' (first defined on line 2); remove one"}},
      {"loops:\n", {"f:1:1: loops has no value; set one or remove the key"}},
      {"cache:\n"
       "routes:\n",
       {"f:1:1: cache has no value; set one or remove the key",
        "f:2:1: routes has no value; set one or remove the key"}},
      {"cache: standard\n", {"f:1:8: cache must be a mapping, such as cache: {memory: 256MiB}"}},
      {"cache: [memory]\n", {"f:1:8: cache must be a mapping, such as cache: {memory: 256MiB}"}},
      {"loops: [1]\n", {"f:1:8: loops must be a single value, not a list"}},
      {"loops: {auto: 1}\n", {"f:1:8: loops must be a single value, not a mapping"}},
      {"[1]: 2\n", {"f:1:1: a key must be a single word"}},
      {"~: 2\n", {"f:1:1: a key must be a single word"}},
      {"routes: {path: /a}\n", {"f:1:9: routes must be a list; begin each route with - path: /topics/"}},
      {"routes: /a\n", {"f:1:9: routes must be a list; begin each route with - path: /topics/"}},
      {"routes: [/a]\n", {"f:1:10: a route must be a mapping; write - path: /topics/"}},
      {"routes:\n"
       "  -\n",
       {"f:3:1: a route must be a mapping; write - path: /topics/"}},
      {"listen: {host: 127.0.0.1}\n",
       {"f:1:10: unknown key 'host' in a listener; the keys are address, tls, hsts, http2, proxy_protocol, "
        "redirect"}},
      {"listen: []\n", {"f:1:9: listen is an empty list; remove the key instead"}},
      {"listen: [127.0.0.1:80, ~]\n", {"f:1:24: listen: an element has no value; remove it"}},
      {"listen: [127.0.0.1:80, [127.0.0.1:81]]\n",
       {"f:1:24: listen: an element must be a single value or a mapping"}},
      {"listen: &all [*all]\n", {"f:1:9: listen: an element must be a single value or a mapping"}},
      {"upstream: [http://127.0.0.1:80]\n", {"f:1:11: upstream must be a single value, not a list"}},
  });
}

TEST_CASE("invalid YAML is reported with its position and, if known, the cause") {
  check_lines({
      {"cache:\n"
       "\tmemory: 64MiB\n",
       {"f:2:1: not YAML: a tab in the indentation; indent with spaces"}},
      {"a: 1\n"
       "  \tb: 2\n",
       {"f:2:3: not YAML: a tab in the indentation; indent with spaces"}},
      {"loops: 1\n"
       "---\n"
       "loops: 2\n",
       {"f:2:1: a second YAML document; keep one, and remove --- or ... between them"}},
      {"- a\n"
       "-b\n",
       {"f:2:1: not YAML: this does not continue what precedes it; a key must be followed by ': '"}},
  });
}

TEST_CASE("all problems of a file are reported in order") {
  check_lines({
      {"lissen: 1\n"
       "cache:\n"
       "  memory: 5\n"
       "  max_body: 2MiB\n"
       "routes:\n"
       "  - path: /**\n"
       "  - path: /a\n"
       "    tl: 1s\n"
       "    ttl: 0s\n"
       "loops: x\n",
       {"f:1:1: unknown key 'lissen'; did you mean 'listen'?",
        "f:3:11: cache.memory: '5' has no unit; write 5B or 5MiB (the units are B KiB MiB GiB)",
        "f:6:5: a route must set its caching mode; add ttl: 30s, cache: standard or cache: off",
        "f:7:5: unreachable route: '/**' on line 6 already matches it; move the narrower route above it",
        "f:8:5: unknown key 'tl' in a route; did you mean 'ttl'?",
        "f:9:10: ttl: '0s' stores nothing; write cache: off instead",
        "f:10:8: loops: 'x' is neither auto nor a number from 1 to 256"}},
  });
}

TEST_CASE("a key that has no meaning in its context is an error") {
  check_lines({
      {"routes:\n"
       "  - {path: \"/a/{id}\", ttl: 1s, warm: true}\n",
       {"f:2:32: warm requires an exact path: with {id} or ** there is no single URL to fetch; write an "
        "exact path"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, refresh_param: r, fields_param: r}\n",
       {"f:2:43: fields_param: 'r' is already the refresh_param; choose another name"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, etag_ignore: [a.b, a], groups: [x, \"\"], invalidation: sotf}\n",
       {"f:2:39: etag_ignore: 'a.b' is inside 'a', which is already listed; remove one",
        "f:2:60: groups: '' is not one line of visible ASCII, such as dashboard",
        "f:2:79: invalidation: 'sotf' is none of hard, soft; did you mean 'soft'?"}},
  });
}

TEST_CASE("a word of another program is reported with what it is called here") {
  check_lines({
      {"timeout: 30s\n",
       {"f:1:1: unknown key 'timeout'; did you mean 'timeouts' (for clients), or 'first_byte_timeout' in "
        "upstream (for the API)?"}},
      {"upstream: {timeout: 30s}\n",
       {"f:1:12: unknown key 'timeout' in upstream; did you mean 'first_byte_timeout' (until the response "
        "begins) or 'total_timeout'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, invalidates: [/b]}\n",
       {"f:2:26: unknown key 'invalidates' in a route; did you mean 'invalidated_by'? It is written in the "
        "route whose responses become invalid, and names the paths of the writes"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, methods: [GET, POST]}\n",
       {"f:2:26: unknown key 'methods' in a route; this version caches GET and HEAD only; other methods are "
        "forwarded, and need no key"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, headers: [accept]}\n",
       {"f:2:26: unknown key 'headers' in a route; did you mean 'key: {headers: [...]}' (one response per "
        "value) or 'bypass: {headers: [...]}'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, warm: yes}\n",
       {"f:2:32: warm: 'yes' is none of true, false; did you mean 'true'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, compress: gzip}\n",
       {"f:2:36: compress: 'gzip' is none of auto, off; to choose codings, write compression: {codings: "
        "[gzip]}"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, compress: no}\n",
       {"f:2:36: compress: 'no' is none of auto, off; did you mean 'off'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30s, keep_warm: false}\n",
       {"f:2:37: keep_warm: 'false' is neither a duration nor off; did you mean 'off'?"}},
      {"log_level: warn\n",
       {"f:1:12: log_level: 'warn' is none of trace, debug, info, warning, error; did you mean 'warning'?"}},
      {"limits: {buffer: 65536}\n",
       {"f:1:18: limits.buffer: '65536' has no unit; write 64KiB (the units are B KiB MiB GiB)"}},
      {"limits: {buffer: 64}\n",
       {"f:1:18: limits.buffer: '64' has no unit; write 64B or 64MiB (the units are B KiB MiB GiB)"}},
      {"routes: [{path: '/a/*', cache: off}]\n",
       {"f:1:17: path: '/a/*': '*' is no pattern; write {id} for one segment, or '**' for the rest of the "
        "path"}},
      {"upstream: {url: ${API}, connections: 4}\n",
       {"f:1:18: not YAML: end of map flow not found; inside brackets and braces, quote a value that has "
        "${...}: \"${NAME}\""}},
  });
}

TEST_CASE("a feature that this version does not have is named") {
  check_lines({
      {"tls: {certificate: /c, key: /k}\n",
       {"f:1:1: unknown key 'tls'; write listen: {address: ..., tls: {certificate: FILE, key: FILE}}; for "
        "the API, upstream: {url: https://..., tls: ...}"}},
      {"upstream: {servers: [http://a, http://b]}\n",
       {"f:1:12: unknown key 'servers' in upstream; this version supports one server: write url: "
        "http://host:port"}},
      {"fleet: {name: a}\n",
       {"f:1:1: unknown key 'fleet'; this version does not share its cache with other instances"}},
      {"listen: [{address: 0.0.0.0:80, proxy_protocol: true}]\n",
       {"f:1:10: proxy_protocol: true is for balancers on this host; write proxy_protocol: {from: [NETWORK]} "
        "with the "
        "addresses of yours"}},
      {"listen: [{address: 127.0.0.1:80, redirect: https, http2: true}]\n",
       {"f:1:10: redirect: https is for HTTP/1; remove http2: true"}},
      {"admin: {address: 127.0.0.1:80, hsts: 1h}\n",
       {"f:1:8: hsts: is for listeners with tls; browsers ignore it otherwise (RFC 6797)"}},
      {"admin: {address: 127.0.0.1:80, redirect: https}\n",
       {"f:1:8: admin: redirect is for listeners of clients; remove it"}},
      {"routes: [{path: /a, ttl: 30s, cors: {origins: [https://a]}}]\n",
       {"f:1:31: unknown key 'cors' in a route; this version forwards the API's CORS fields and answers no "
        "preflight requests"}},
  });
}
