// Files with conflicting keys, and the messages about them.
#include "support.hpp"

using namespace larder::test;

TEST_CASE("an inconsistent route is reported with the reason") {
  check_lines({
      {"routes:\n"
       "  - ttl: 30s\n",
       {"f:2:5: a route has no path; write - path: /topics/"}},
      {"routes:\n"
       "  - path: /a\n",
       {"f:2:5: a route must set its caching mode; add ttl: 30s, cache: standard or cache: off"}},
      {"routes:\n"
       "  - path: /a\n"
       "    ttl: 30s\n"
       "    cache: standard\n",
       {"f:4:5: a route has either ttl or cache; remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 0s}\n",
       {"f:2:21: ttl: '0s' stores nothing; write cache: off instead"}},
      {"routes:\n"
       "  - {path: /a, ttl: 30}\n",
       {"f:2:21: ttl: '30' has no unit; write 30s (the units are ms s m h)"}},
      {"routes:\n"
       "  - {path: /a, cache: of}\n",
       {"f:2:23: cache: 'of' is none of off, standard; did you mean 'off'?"}},
      {"routes:\n"
       "  - {path: /a, cache: ttl}\n",
       {"f:2:23: cache: 'ttl' is none of off, standard"}},
      {"routes:\n"
       "  - {path: /a, cache: {ttl: 30s}}\n",
       {"f:2:23: cache must be a single value, not a mapping"}},
      {"routes:\n"
       "  - {path: /a, cache: off, stale_while_revalidate: 30s, fields: [id]}\n",
       {"f:2:28: stale_while_revalidate has no effect with cache: off; write a ttl or cache: standard",
        "f:2:57: fields has no effect with cache: off; write a ttl or cache: standard"}},
      {"routes:\n"
       "  - {path: /a, cache: off, key: {query: none}}\n",
       {"f:2:28: key has no effect with cache: off; write a ttl or cache: standard"}},
      {"routes:\n"
       "  - {path: /a, cache: standard, negative_ttl: 5s, despite: private}\n",
       {"f:2:33: negative_ttl requires a ttl: with cache: standard the response's own fields decide; remove "
        "it or write a ttl",
        "f:2:51: despite: only set-cookie is allowed with cache: standard, where the response's own fields "
        "decide; write a ttl for the others"}},
      {"routes:\n"
       "  - {path: /a, cache: standard, refresh_min_interval: 5s, despite: set-cookie}\n",
       {}},
      {"routes:\n"
       "  - {path: /a, cache: off, bypass: {cookies: preview}, client_directives: ignore, store_errors: "
       "false}\n",
       {"f:2:28: bypass has no effect with cache: off; write a ttl or cache: standard",
        "f:2:56: client_directives has no effect with cache: off; write a ttl or cache: standard",
        "f:2:83: store_errors has no effect with cache: off; write a ttl or cache: standard"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, key: {cookies: [\"a b\"]}, bypass: {headers: [\"x:\"]}}\n",
       {"f:2:41: key.cookies: 'a b' is not the name of a cookie (RFC 6265 4.1.1), such as session",
        "f:2:69: bypass.headers: 'x:' is not a field name (RFC 9110 5.1), such as accept-language"}},
      {"routes:\n"
       "  - {path: a, ttl: 1s}\n",
       {"f:2:12: path: 'a': a path must begin with '/'"}},
      {"routes:\n"
       "  - {path: \"/a?b\", ttl: 1s}\n",
       {"f:2:12: path: '/a?b': a path cannot have a query or fragment; `key: {query: ...}` selects "
        "the query parameters in the cache key"}},
      {"routes:\n"
       "  - {path: \"/a/{id\", ttl: 1s}\n",
       {"f:2:12: path: '/a/{id': braces and '**' must be whole segments: /topics/{id}, /static/**"}},
      {"routes:\n"
       "  - {path: /**/a, ttl: 1s}\n",
       {"f:2:12: path: '/**/a': '**' matches the rest of a path and must be the last segment"}},
      {"routes:\n"
       "  - {path: \"/t/{id}\", ttl: 1s, invalidated_by: [t, /u]}\n",
       {"f:2:49: invalidated_by: 't': a path must begin with '/'"}},
      {"routes:\n"
       "  - {path: \"/t/{=id}\", ttl: 1s}\n",
       {"f:2:12: path: '/t/{=id}': {=id} is allowed only in invalidated_by, for a placeholder of the route's "
        "path; write {id}"}},
      {"routes:\n"
       "  - {path: \"/t/{id}/x\", ttl: 1s, invalidated_by: [\"/t/{=id}/**\", \"/u/{=idd}\", "
       "\"/u/{=other}\"]}\n",
       {"f:2:66: invalidated_by: '/u/{=idd}': {=idd} is no placeholder of the route's path '/t/{id}/x'; did "
        "you mean {=id}?",
        "f:2:79: invalidated_by: '/u/{=other}': {=other} is no placeholder of the route's path '/t/{id}/x'; "
        "write {other} for any segment"}},
      {"routes:\n"
       "  - {path: \"/{a}/{a}\", ttl: 1s, invalidated_by: [\"/{=a}\", \"/{=}\", \"/{=b}/{=b}\"]}\n",
       {"f:2:59: invalidated_by: '/{=}': '{=}' must have a name inside, such as {id}",
        "f:2:67: invalidated_by: '/{=b}/{=b}': '{=b}' occurs twice; write one of them as another "
        "placeholder"}},
      {"routes:\n"
       "  - {path: \"/{a}/{a}\", ttl: 1s, invalidated_by: \"/{=a}\"}\n",
       {"f:2:33: invalidated_by: '/{=a}': {a} occurs more than once in the route's path '/{a}/{a}'; rename "
        "one of them"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, refresh_param: \"a&b\"}\n",
       {"f:2:40: refresh_param: 'a&b' is not the name of a query parameter; use only letters, digits and - . "
        "_ ~"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, refresh_param: r, key: {query: [q, r]}}\n",
       {"f:2:60: key.query: 'r' is the refresh_param, which is never part of the key; remove it here"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, key: {query: limit}}\n",
       {}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, key: {query: []}}\n",
       {"f:2:38: key.query is an empty list; write none"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, key: none}\n",
       {"f:2:30: key must be a mapping, such as key: {query: all}"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, key: {headers: [\"a b\", X-A, x-a]}}\n",
       {"f:2:41: key.headers: 'a b' is not a field name (RFC 9110 5.1), such as accept-language",
        "f:2:53: key.headers: 'x-a' is listed twice; remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, fields: []}\n",
       {"f:2:33: fields is an empty list; remove the key instead"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, fields: [id, slug, id]}\n",
       {"f:2:44: fields: 'id' is listed twice; remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, fields: [.id, a..b, a*]}\n",
       {"f:2:34: fields: '.id' is not a member; write a name, or names joined by dots: domain.slug",
        "f:2:39: fields: 'a..b' is not a member; write a name, or names joined by dots: domain.slug",
        "f:2:45: fields: 'a*' is not a member; write a name, or names joined by dots: domain.slug"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, fields: [domain.slug, domain]}\n",
       {"f:2:34: fields: 'domain.slug' is inside 'domain', which is already listed; remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, items: data}\n",
       {"f:2:25: items requires fields or fields_param; add one of them"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, fields: id, items: \"*\"}\n",
       {"f:2:44: items: '*' is not the location of a list; write a member such as data, or workstreams.* for "
        "every member of an object"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, despite: [no-store, no_cache]}\n",
       {"f:2:45: despite: 'no_cache' is none of no-store, no-cache, private, set-cookie, authorization; did "
        "you mean 'no-cache'?"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, despite: [private, private]}\n",
       {"f:2:44: despite: 'private' is listed twice; remove one"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, despite: [cookies]}\n",
       {"f:2:35: despite: 'cookies' is none of no-store, no-cache, private, set-cookie, authorization"}},
      {"routes:\n"
       "  - {path: /a, ttl: 1s, client_cache_control: \"\"}\n",
       {"f:2:47: client_cache_control: '' is not one line of visible ASCII, such as \"private, max-age=5\""}},
      {"routes:\n"
       "  - {path: /a/**, ttl: 1s}\n"
       "  - {path: /b, ttl: 1s}\n"
       "  - {path: /a/b, ttl: 1s}\n",
       {"f:4:6: unreachable route: '/a/**' on line 2 already matches it; move the narrower route above "
        "it"}},
      {"routes:\n"
       "  - path: /a\n"
       "    ttl: 1s\n"
       "  - path: /%61\n"
       "    ttl: 2s\n",
       {"f:4:5: unreachable route: '/a' on line 2 already matches it; remove one"}},
  });
}

TEST_CASE("conflicts across the file are reported at the key") {
  check_lines({
      {"cache: {memory: 8MiB, max_body: 9MiB}\n",
       {"f:1:23: cache.max_body (9MiB) exceeds cache.memory (8MiB); lower cache.max_body or raise "
        "cache.memory"}},
      {"cache: {max_body: 1GiB}\n",
       {"f:1:9: cache.max_body (1GiB) exceeds cache.memory (256MiB); lower cache.max_body or raise "
        "cache.memory"}},
      {"cache: {memory: 5MiB, memory: 6MiB}\n",
       {"f:1:23: duplicate key 'memory' (first defined on line 1); remove one"}},
      {"listen: [127.0.0.1:80, 127.0.0.2:80, localhost:80]\n",
       {"f:1:38: listen: localhost:80 is the same address as 127.0.0.1:80; remove one"}},
      {"listen: [unix:/run/a, unix:/run/a]\n", {"f:1:23: listen: 'unix:/run/a' is listed twice; remove one"}},
      {"listen: 127.0.0.1:9901\n"
       "admin: localhost:9901\n",
       {"f:2:1: admin: 127.0.0.1:9901 is also a client listener; give the admin listener a separate "
        "address"}},
      {"upstream: http://localhost:9901\nadmin: 127.0.0.1:9901\n",
       {"f:1:1: upstream: http://localhost:9901 is larder's own admin listener 127.0.0.1:9901, which clients "
        "must not reach; write the API's address"}},
      {"listen: 127.0.0.1:8000\n",
       {"f:1:1: upstream: http://127.0.0.1:8000 is larder's own listener 127.0.0.1:8000, so requests would "
        "loop; write the API's address"}},
      {"upstream: http://localhost:8080\n",
       {"f:1:1: upstream: http://localhost:8080 is larder's own listener 127.0.0.1:8080, so requests would "
        "loop; write the API's address"}},
      {"listen: :8000\n"
       "trusted_proxies: []\n"
       "upstream: {connections: 2}\n",
       {"f:3:1: upstream: http://127.0.0.1:8000 is larder's own listener :8000, so requests would loop; "
        "write the API's address"}},
      {"listen: 0.0.0.0:81\n"
       "trusted_proxies: 10.0.0.0/8\n"
       "upstream: {url: \"http://[::1]:81\"}\n",
       {"f:3:12: upstream: http://[::1]:81 is larder's own listener 0.0.0.0:81, so requests would loop; "
        "write the API's address"}},
      {"listen: unix:/run/api\n"
       "upstream: unix:/run/api\n",
       {"f:2:1: upstream: unix:/run/api is larder's own listener unix:/run/api, so requests would loop; "
        "write the API's address"}},
  });
}
