#include "settings/misnomers.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>

namespace larder::settings {

namespace {

constexpr std::string_view top = "at the top level";
constexpr std::string_view upstream = "in upstream";
constexpr std::string_view route = "in a route";
constexpr std::string_view route_key = "in a route's key";

struct Misnomer {
  std::string_view key;
  std::string_view where;
  std::string_view remedy;
};

constexpr std::array misnomers{
    Misnomer{"timeout", top,
             "did you mean 'timeouts' (for clients), or 'first_byte_timeout' in upstream (for the API)?"},
    Misnomer{"timeout", upstream,
             "did you mean 'first_byte_timeout' (until the response begins) or 'total_timeout'?"},
    Misnomer{"timeout", route, "timeouts are the same for all routes: 'first_byte_timeout' in upstream"},
    Misnomer{"timeouts", upstream, "did you mean 'connect_timeout', 'first_byte_timeout' or 'idle_timeout'?"},
    Misnomer{"invalidates", route,
             "did you mean 'invalidated_by'? It is written in the route whose responses become invalid, and "
             "names the paths of the writes"},
    Misnomer{"methods", route,
             "this version caches GET and HEAD only; other methods are forwarded, and need no key"},
    Misnomer{"method", route, "a route applies to all methods of its path; GET and HEAD are cached"},
    Misnomer{"headers", route,
             "did you mean 'key: {headers: [...]}' (one response per value) or 'bypass: {headers: [...]}'?"},
    Misnomer{
        "headers", top,
        "did you mean 'key: {headers: [...]}' or 'bypass: {headers: [...]}' in a route, or 'credentials'?"},
    Misnomer{"cookies", route,
             "did you mean 'key: {cookies: [...]}' (one response per value) or 'bypass: {cookies: [...]}'?"},
    Misnomer{"vary", route, "did you mean 'key: {headers: [...]}'?"},
    Misnomer{"stale", route, "did you mean 'stale_while_revalidate' or 'stale_if_error'?"},
    Misnomer{"grace", route, "did you mean 'stale_while_revalidate' or 'stale_if_error'?"},
    Misnomer{"expires", route, "did you mean 'ttl'?"},
    Misnomer{"max_age", route, "did you mean 'ttl' (in larder) or 'client_cache_control' (in clients)?"},
    Misnomer{"gzip", top, "did you mean 'compression: {codings: [gzip]}'?"},
    Misnomer{"gzip", route, "did you mean 'compress'? The codings are chosen for all routes: 'compression'"},
    Misnomer{"compress", top, "did you mean 'compression'?"},
    Misnomer{"compression", route, "did you mean 'compress'?"},
    Misnomer{"port", top, "did you mean 'listen: 127.0.0.1:8080'?"},
    Misnomer{"backend", top, "did you mean 'upstream'?"},
    Misnomer{"origin", top, "did you mean 'upstream'?"},
    Misnomer{"workers", top, "did you mean 'loops'?"},
    Misnomer{"threads", top, "did you mean 'loops'?"},
    // Not in this version.
    Misnomer{"tls", top,
             "write listen: {address: ..., tls: {certificate: FILE, key: FILE}}; for the API, upstream: "
             "{url: https://..., tls: ...}"},
    Misnomer{"servers", upstream, "this version supports one server: write url: http://host:port"},
    Misnomer{"balance", upstream, "this version supports one server, and does not balance"},
    Misnomer{"health", upstream, "this version supports one server, and has no health checks"},
    Misnomer{"hedge_after", upstream, "this version does not send a request twice"},
    Misnomer{"upstreams", top, "this version supports one upstream"},
    Misnomer{"fleet", top, "this version does not share its cache with other instances"},
    Misnomer{"observe", top, "this version does not observe traffic"},
    Misnomer{"http2", top, "it belongs to a listener: listen: {address: ADDRESS, http2: true}"},
    Misnomer{"hsts", top, "it belongs in an element of listen: {address: ..., tls: ..., hsts: 8760h}"},
    Misnomer{"proxy_protocol", top,
             "it belongs to a listener: listen: {address: ADDRESS, proxy_protocol: true}"},
    Misnomer{"delta_memory", "in cache", "this version does not support delta coding"},
    Misnomer{"host", route, "this version does not select routes by host"},
    Misnomer{"upstream", route, "this version supports one upstream, at the top level"},
    Misnomer{"strip_prefix", route, "this version does not change paths"},
    Misnomer{"upstream_prefix", route, "this version does not change paths"},
    Misnomer{"set_host", route, "this version does not change Host"},
    Misnomer{"request_headers", route, "this version does not change request fields"},
    Misnomer{"response_headers", route,
             "this version does not change response fields, except by 'client_cache_control'"},
    Misnomer{"delta", route, "this version does not support delta coding"},
    Misnomer{"delta_versions", route, "this version does not support delta coding"},
    Misnomer{"cors", route, "this version forwards the API's CORS fields and answers no preflight requests"},
    Misnomer{"rate_limit", route, "this version does not limit rates"},
    Misnomer{"body", route_key, "this version forwards requests with a body without caching"},
};

// Words separated by spaces.
struct Meaning {
  std::string_view written;
  std::string_view meant;  // the first that is allowed
};

constexpr std::array meanings{
    Meaning{"yes y on true 1 enabled enable", "true auto json standard begin pass"},
    Meaning{"no n off false 0 none never disabled disable", "false off none drop pass"},
    Meaning{"warn", "warning"},
    Meaning{"err fatal critical", "error"},
    Meaning{"verbose", "debug"},
    Meaning{"text common clf apache", "combined"},
    Meaning{"brotli", "br"},
    Meaning{"zst", "zstd"},
    Meaning{"gz deflate", "gzip"},
};

// Calls visit(word) until it returns true.
template <class Visit>
bool any_word(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (visit(words.substr(0, end))) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

bool has(std::string_view words, std::string_view wanted) {
  return any_word(words, [&](auto word) { return http::iequals(word, wanted); });
}

}  // namespace

std::string_view remedy_for_key(std::string_view key, std::string_view where) {
  const auto at = std::find_if(misnomers.begin(), misnomers.end(), [&](const Misnomer& one) {
    return one.where == where && http::iequals(one.key, key);
  });
  return at == misnomers.end() ? std::string_view() : at->remedy;
}

std::string_view meant_word(std::string_view written, const Words& allowed) {
  for (const auto& [words, meant] : meanings) {
    if (!has(words, written)) continue;
    std::string_view found;
    const bool is_allowed = any_word(meant, [&](auto word) {
      found = word;
      return std::find(allowed.begin(), allowed.end(), word) != allowed.end();
    });
    if (is_allowed) return found;
  }
  return {};
}

bool is_coding_name(std::string_view word) {
  return has("gzip br brotli zstd", word);
}

}  // namespace larder::settings
