// Files with invalid values, and the messages about them.
#include "support.hpp"

using namespace larder::test;

TEST_CASE("an invalid value is reported with the valid ones") {
  check_lines({
      {"drain_timeout: 30\n",
       {"f:1:16: drain_timeout: '30' has no unit; write 30s (the units are ms s m h)"}},
      {"drain_timeout: 1.5s\n",
       {"f:1:16: drain_timeout: '1.5s' is not a whole number; write it in a smaller unit (the units are ms s "
        "m h)"}},
      {"drain_timeout: 30sec\n",
       {"f:1:16: drain_timeout: '30sec' has an unknown unit; write 30s (the units are ms s m h)"}},
      {"drain_timeout: 30 S\n",
       {"f:1:16: drain_timeout: '30 S' has an unknown unit; write 30s (the units are ms s m h)"}},
      {"drain_timeout: 2d\n",
       {"f:1:16: drain_timeout: '2d' has an unknown unit; write 48h (the units are ms s m h)"}},
      {"drain_timeout: -5s\n",
       {"f:1:16: drain_timeout: '-5s' is not a duration; write a whole number and a unit, such as 30s"}},
      {"drain_timeout: soon\n",
       {"f:1:16: drain_timeout: 'soon' is not a duration; write a whole number and a unit, such as 30s"}},
      {"drain_timeout: 5x\n", {"f:1:16: drain_timeout: '5x' has an unknown unit (the units are ms s m h)"}},
      {"drain_timeout: \"\"\n",
       {"f:1:16: drain_timeout: '' is not a duration; write a whole number and a unit, such as 30s"}},
      {"drain_timeout: 99999h\n", {"f:1:16: drain_timeout: '99999h' is outside 0ms to 8760h"}},
      {"drain_timeout: 99999999999999999999h\n",
       {"f:1:16: drain_timeout: '99999999999999999999h' is too large; write a smaller value"}},
      {"timeouts: {head: 0s}\n", {"f:1:18: timeouts.head: '0s' is outside 1ms to 8760h"}},
      {"cache: {memory: 10MB}\n",
       {"f:1:17: cache.memory: '10MB' has an unknown unit; write 10MiB (the units are B KiB MiB GiB)"}},
      {"cache: {memory: 268435456}\n",
       {"f:1:17: cache.memory: '268435456' has no unit; write 256MiB (the units are B "
        "KiB MiB GiB)"}},
      {"cache: {memory: 10mib}\n",
       {"f:1:17: cache.memory: '10mib' has an unknown unit; write 10MiB (the units are B KiB MiB GiB)"}},
      {"cache: {memory: 1.5GiB}\n",
       {"f:1:17: cache.memory: '1.5GiB' is not a whole number; write it in a smaller unit (the units are B "
        "KiB MiB GiB)"}},
      {"cache: {memory: 10TiB}\n",
       {"f:1:17: cache.memory: '10TiB' has an unknown unit (the units are B KiB MiB GiB)"}},
      {"cache: {memory: 512KiB}\n", {"f:1:17: cache.memory: '512KiB' is outside 1MiB to 1024GiB"}},
      {"cache: {memory: much}\n",
       {"f:1:17: cache.memory: 'much' is not a size; write a whole number and a unit, such as 30MiB"}},
      {"limits: {fields: 4}\n", {"f:1:18: limits.fields: '4' is outside 8 to 10000"}},
      {"limits: {fields: 1e3}\n", {"f:1:18: limits.fields: '1e3' is not a whole number; write digits only"}},
      {"limits: {fields: 99999999999999999999}\n",
       {"f:1:18: limits.fields: '99999999999999999999' is too large; write a smaller value"}},
      {"limits: {method: 1KiB}\n", {"f:1:18: limits.method: '1KiB' is outside 8B to 256B"}},
      {"upstream: {connections: 0}\n", {"f:1:25: upstream.connections: '0' is outside 1 to 65536"}},
      {"upstream: {connections: many}\n",
       {"f:1:25: upstream.connections: 'many' is not a whole number; write digits only"}},
      {"loops: -1\n", {"f:1:8: loops: '-1' is neither auto nor a number from 1 to 256"}},
      {"cache: {memory: 99999999999999999999GiB}\n",
       {"f:1:17: cache.memory: '99999999999999999999GiB' is too large; write a smaller value"}},
      {"loops: 0\n", {"f:1:8: loops: '0' is neither auto nor a number from 1 to 256"}},
      {"loops: autp\n", {"f:1:8: loops: 'autp' is neither auto nor a number from 1 to 256"}},
      {"access_log: jsno\n",
       {"f:1:13: access_log: 'jsno' is none of off, json, combined; did you mean 'json'?"}},
      {"access_log: true\n",
       {"f:1:13: access_log: 'true' is none of off, json, combined; did you mean 'json'?"}},
      {"log_level: verbose\n",
       {"f:1:12: log_level: 'verbose' is none of trace, debug, info, warning, error; did you mean 'debug'?"}},
      {"log_level: Info\n",
       {"f:1:12: log_level: 'Info' is none of trace, debug, info, warning, error; did you mean 'info'?"}},
      {"access_log: jason\n",
       {"f:1:13: access_log: 'jason' is none of off, json, combined; did you mean 'json'?"}},
      {"compression: gzip\n",
       {"f:1:14: compression: 'gzip' is none of off, auto; to choose codings, write compression: {codings: "
        "[gzip]}"}},
      {"compression: {codings: [gzip, deflate]}\n",
       {"f:1:31: compression.codings: 'deflate' is none of zstd, br, gzip; did you mean 'gzip'?"}},
      {"cache: {persist: cache.db}\n",
       {"f:1:18: cache.persist: 'cache.db' is not an absolute path of a file, such as "
        "/var/cache/larder/cache.db"}},
      {"access_log: \"a\\nb\\e[31m\"\n",
       {"f:1:13: access_log: 'a\\x0Ab\\x1B[31m' is none of off, json, combined"}},
      {"access_log: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
       {"f:1:13: access_log: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is none of "
        "off, json, combined"}},
  });
}

TEST_CASE("an invalid address is reported with the valid forms") {
  check_lines({
      {"listen: 8080\n", {"f:1:9: listen: '8080' has no host; write 127.0.0.1:8080"}},
      {"listen: localhost\n",
       {"f:1:9: listen: 'localhost' has no port; write host:port, [::1]:port, unix:/path or fd:NAME"}},
      {"listen: http://localhost:8080\n",
       {"f:1:9: listen: 'http://localhost:8080' is a URL; write host:port, [::1]:port, unix:/path or "
        "fd:NAME"}},
      {"listen: localhost/8080\n",
       {"f:1:9: listen: 'localhost/8080' is not an address; write host:port, [::1]:port, unix:/path or "
        "fd:NAME"}},
      {"listen: \"::1:8080\"\n",
       {"f:1:9: listen: '::1:8080' has an IPv6 address without brackets; write [::1]:8080"}},
      {"listen: \"[::1:8080\"\n", {"f:1:9: listen: '[::1:8080' is not an address; write [::1]:8080"}},
      {"listen: \"[::1]8080\"\n", {"f:1:9: listen: '[::1]8080' is not an address; write [::1]:8080"}},
      {"listen: \"[local]:8080\"\n",
       {"f:1:9: listen: 'local' is not an IPv6 address; only IPv6 addresses are written in brackets: "
        "[::1]:8080"}},
      {"listen: \"*:8080\"\n", {"f:1:9: listen: '*:8080' has no host; for every address, write :8080"}},
      {"listen: 127.0.0.256:8080\n",
       {"f:1:9: listen: '127.0.0.256' is neither a host name nor an address; write for example localhost, "
        "127.0.0.1 or [::1]"}},
      {"listen: a b:8080\n",
       {"f:1:9: listen: 'a b' is neither a host name nor an address; write for example localhost, 127.0.0.1 "
        "or [::1]"}},
      {"listen: localhost:http\n", {"f:1:9: listen: 'http' is not a port; write a number from 0 to 65535"}},
      {"listen: localhost:65536\n", {"f:1:9: listen: '65536' is not a port; write a number from 0 to 65535"}},
      {"listen: \"localhost:\"\n", {"f:1:9: listen: '' is not a port; write a number from 0 to 65535"}},
      {"listen: \"unix:\"\n",
       {"f:1:9: listen: '' is not the absolute path of a Unix socket; write unix:/run/larder/larder.sock"}},
      {"listen: unix:larder.sock\n",
       {"f:1:9: listen: 'larder.sock' is not the absolute path of a Unix socket; write "
        "unix:/run/larder/larder.sock"}},
      {"listen: "
       "unix:/"
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
       "aaaaaa\n",
       {"f:1:9: listen: the path of a Unix socket is limited to 107 bytes; shorten this one, which has 108"}},
      {"listen: \"fd:\"\n",
       {"f:1:9: listen: 'fd:' does not name a socket; write fd: and its FileDescriptorName=, such as "
        "fd:larder"}},
      {"listen: fd:a:b\n",
       {"f:1:9: listen: 'fd:a:b' does not name a socket; write fd: and its FileDescriptorName=, such as "
        "fd:larder"}},
      {"upstream: ftp://127.0.0.1:8000\n",
       {"f:1:11: upstream: 'ftp://127.0.0.1:8000' is not an upstream; write http://host:port, "
        "https://host:port or unix:/path"}},
      {"upstream: 127.0.0.1:8000\n",
       {"f:1:11: upstream: '127.0.0.1:8000' is not an upstream; write http://host:port, https://host:port or "
        "unix:/path"}},
      {"upstream: http://127.0.0.1:8000/api\n",
       {"f:1:11: upstream: write a host and a port without path, query or user name, such as "
        "http://127.0.0.1:8000"}},
      {"upstream: http://127.0.0.1:8000?a=1\n",
       {"f:1:11: upstream: write a host and a port without path, query or user name, such as "
        "http://127.0.0.1:8000"}},
      {"upstream: http://me:secret@127.0.0.1:8000\n",
       {"f:1:11: upstream: write a host and a port without path, query or user name, such as "
        "http://127.0.0.1:8000"}},
      {"upstream: http://\n",
       {"f:1:11: upstream: 'http://' needs a host, and a port from 1 to 65535; write for example "
        "http://127.0.0.1:8000"}},
      {"upstream: http://:8000\n",
       {"f:1:11: upstream: 'http://:8000' needs a host, and a port from 1 to 65535; write for example "
        "http://127.0.0.1:8000"}},
      {"upstream: http://127.0.0.1:0\n",
       {"f:1:11: upstream: 'http://127.0.0.1:0' needs a host, and a port from 1 to 65535; write for example "
        "http://127.0.0.1:8000"}},
      {"upstream: {url: http://a b}\n",
       {"f:1:17: upstream.url: 'a b' is neither a host name nor an address; write for example localhost, "
        "127.0.0.1 or [::1]"}},
      {"upstream: unix:api.sock\n",
       {"f:1:11: upstream: 'api.sock' is not the absolute path of a Unix socket; write "
        "unix:/run/larder/larder.sock"}},
      {"admin: 0.0.0.0:9901\n",
       {"f:1:1: admin: 0.0.0.0:9901 can be reached from other hosts without authentication; write "
        "127.0.0.1:9901, [::1]:9901 or unix:/path, or set admin_token"}},
      {"admin: :9901\n",
       {"f:1:1: admin: :9901 can be reached from other hosts without authentication; write 127.0.0.1:9901, "
        "[::1]:9901 or unix:/path, or set admin_token"}},
      {"admin: 127.example.org:9901\n",
       {"f:1:1: admin: 127.example.org:9901 can be reached from other hosts without authentication; write "
        "127.0.0.1:9901, [::1]:9901 or unix:/path, or set admin_token"}},
      {"admin: fd:admin\n",
       {"f:1:1: admin: fd:admin can be reached from other hosts without authentication; write "
        "127.0.0.1:9901, [::1]:9901 or unix:/path, or set admin_token"}},
      {"admin: 127.0.0.1:9901\nadmin_token: secret\n",
       {"f:2:14: admin_token: a secret must be 16 to 256 visible ASCII characters without spaces; generate "
        "one with openssl rand -hex 32"}},
      {"admin: 192.0.2.1\n",
       {"f:1:8: admin: '192.0.2.1' has no port; write host:port, [::1]:port, unix:/path or fd:NAME"}},
  });
}

TEST_CASE("a field name that is too long to be looked up is an error, in each list of field names") {
  const std::string longest(64, 'x');
  const std::string longer = longest + "y";
  const auto message =
      ": '" + longest.substr(0, 60) + "...' has 65 characters; use a field whose name has at most 64";
  check_lines({
      {"credentials: " + longest + "\n", {}},
      {"credentials: [authorization, " + longer + "]\n", {"f:1:30: credentials" + message}},
      {"routes: [{path: /, ttl: 1s, key: {headers: " + longer + "}}]\n", {"f:1:44: key.headers" + message}},
      {"routes: [{path: /, ttl: 1s, bypass: {headers: " + longer + "}}]\n",
       {"f:1:47: bypass.headers" + message}},
  });
}
