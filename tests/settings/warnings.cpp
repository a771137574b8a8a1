// Valid settings that have no effect.
#include "support.hpp"

using namespace larder;
using larder::test::check_lines;

TEST_CASE("a setting without effect gives a warning") {
  const std::string token = "admin_token: 0123456789abcdef\n";
  check_lines({
      {"admin: 0.0.0.0:9901\n" + token,
       {"f:1:1: warning: admin: the token and all responses cross the network unencrypted; write admin: "
        "{address: ..., tls: {certificate: FILE, key: FILE}}, a loopback address or unix:/path"}},
      {"admin: 127.0.0.1:9901\n" + token, {}},
      {"listen: 0.0.0.0:81\n",
       {"f:1:1: warning: listen: other hosts can connect, but trusted_proxies is not set: X-Forwarded-* and "
        "similar fields are trusted only from this machine. List the proxies in front of larder "
        "(trusted_proxies: [10.0.0.5]), or write trusted_proxies: [] if there are none"}},
      {"listen: 0.0.0.0:81\ntrusted_proxies: []\n", {}},
      {"listen: [127.0.0.1:81, unix:/run/l, fd:web]\n", {}},
      {token, {"f:1:1: warning: admin_token: has no effect without an admin listener; set admin"}},
      {"access_log_file: /var/log/larder/access.log\n",
       {"f:1:1: warning: access_log_file: has no effect while access_log is off; write access_log: json"}},
      {"access_log: json\naccess_log_file: /var/log/larder/access.log\naccess_log_redact: all\n", {}},
      {"access_log_redact: [token]\n",
       {"f:1:1: warning: access_log_redact: has no effect while access_log is off; write access_log: json"}},
      {"access_log_redact: none\n", {}},
      {"cache: {persist_size: 1GiB, persist_stale: 5m}\n",
       {"f:1:29: warning: cache.persist_stale: has no effect without cache.persist; set cache.persist to a "
        "file"}},
      {"cache: {persist_size: 2GiB}\n",
       {"f:1:9: warning: cache.persist_size: has no effect without cache.persist; set cache.persist to a "
        "file"}},
      {"cache: {persist_size: 2GiB, persist: /tmp/x}\n", {}},
      {"cache: {warm_hosts: [api.test], warm_before_ready: true}\n",
       {"f:1:9: warning: cache.warm_hosts: has no effect: no route has warm: true; add it to a route",
        "f:1:33: warning: cache.warm_before_ready: has no effect: no route has warm: true; add it to a "
        "route"}},
      {"routes:\n  - {path: \"/t/{id}/x\", ttl: 1s, invalidated_by: [\"/t/{id}/**\", \"/u/{=id}\", "
       "\"/u/{any}\"]}\n  - {path: /u/**, cache: off}\n",
       {"f:2:51: warning: invalidated_by: '/t/{id}/**': a write invalidates the route's responses for every "
        "{id}; write {=id} for those with the same one, or rename {id}"}},
      {"cache: {warm_hosts: [api.test]}\nroutes:\n  - {path: /a, ttl: 1s, warm: true}\n", {}},
  });
}

TEST_CASE("a pattern that can match no path of the API gives a warning") {
  const std::string at = "f:2:49: warning: invalidated_by: ";
  const auto with = [](const std::string& pattern) {
    return "routes:\n  - {path: /topics/, ttl: 30s, invalidated_by: [" + pattern +
           "]}\n  - {path: /**, cache: standard}\n";
  };
  check_lines({
      {with("/topics/**"), {}},
      {with("/**"), {}},
      {with("/topic/**"),
       {at + "'/topic/**' matches the path of no other route; did you mean '/topics/**'?"}},
      {with("/orders/**"),
       {at + "'/orders/**' matches the path of no other route; correct it, or, if the API has such paths, "
             "add a route for them: - path: /orders/** with cache: standard"}},
      {"routes:\n  - {path: /**, ttl: 30s, invalidated_by: [/orders/**]}\n", {}},
      {"routes: [{path: '/a/:id', cache: standard}]\n",
       {"f:1:11: warning: path: '/a/:id' matches only a segment with the text ':id'; did you mean '{id}'?"}},
      {"routes: [{path: '/a/<int:id>', cache: standard}]\n",
       {"f:1:11: warning: path: '/a/<int:id>' matches only a segment with the text '<int:id>'; did you mean "
        "'{id}'?"}},
      {"routes: [{path: '/a/x:id', cache: standard}]\n", {}},
  });
}
