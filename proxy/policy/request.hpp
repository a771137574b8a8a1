// What policy needs to know of a request, read once.
#pragma once

#include "http/cache_control.hpp"
#include "http/fields.hpp"
#include "http/gate.hpp"
#include "http/host.hpp"
#include "policy/keyed_hash.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace larder::policy {

/// How a request came.
struct Arrival {
  std::string_view peer;  // numeric address; empty for a Unix socket
  bool trusted = true;    // trusted_proxies has the peer: what it says of the original request is believed
  http::Scheme scheme = http::Scheme::http;  // the listener's
  std::uint16_t port = 0;                    // the listener's; 0 for a Unix socket
};

/// By what a request is read. Everything referred to outlives the facts.
struct FactsInput {
  const settings::Settings& settings;
  const KeyedHash& hash;
  Arrival arrival = {};
};

struct RequestFacts {
  http::Method method = http::Method::unknown;
  http::Fields fields;            // views; the request's own bytes outlive the decision
  http::CacheControl directives;  // with Pragma where there is no Cache-Control
  const http::Field* if_none_match = nullptr;
  const http::Field* if_modified_since = nullptr;
  bool safe = false;             // RFC 9110 9.2.1, and no field overrides the method
  bool idempotent = false;       // RFC 9110 9.2.2, likewise
  bool method_override = false;  // a GET or HEAD that names another method in a field
  bool credentials = false;      // Authorization, or another field of `credentials`
  bool range = false;            // a GET for one byte range (RFC 9110 14.2); any other Range is as none
  bool preconditions = false;    // If-Match or If-Unmodified-Since
  bool body = false;
  bool upgrade = false;         // to a protocol that `upgrade` allows
  bool refresh = false;         // the route's refresh_param asks for a fetch
  bool ambiguous_path = false;  // servers may read the path in another way (http/ambiguous_path)
  /// What a trusted proxy says of the original request, addresses apart, as one text: the API may answer by
  /// it. Empty where it says nothing.
  std::string forwarded;
  std::string_view authority;  // as sent
  Arrival arrival;
  const settings::Settings* settings = nullptr;
  const KeyedHash* hash = nullptr;
};

/// Facts that depend on no route. The head's views, and the context, outlive the result.
[[nodiscard]] RequestFacts facts_of(const http::RequestHead& head, const FactsInput& context);

/// Takes off a request's fields what only a trusted proxy may say (X-Forwarded-*, Forwarded, X-Real-IP, ...).
/// The first that was there, else empty: a view into the request's bytes.
std::string_view remove_forwarded(http::RequestHead& head, const settings::RequestFields& roles);

/// Leaves of the request's directives those that the route obeys.
void obey_directives(const settings::Route& route, RequestFacts& facts);

/// Whether a credential came that the route's key does not name.
[[nodiscard]] bool has_foreign_credentials(const RequestFacts& request, const settings::Route& route);

/// The authority that a request is for: of its Host, else the upstream's (HTTP/1.0).
[[nodiscard]] std::string_view authority_of(const http::RequestHead& head,
                                            const settings::Settings& settings);

/// The protocols that a request's Upgrade names and `allowed` has, as that field's value (RFC 9110 7.8);
/// empty where none is.
[[nodiscard]] std::string allowed_upgrade(http::Fields request, const std::vector<std::string>& allowed);

/// What a route's refresh parameter asks for.
enum class Refresh : std::uint8_t {
  absent,    // no such parameter, or a value that is no bool: it goes to the API untouched
  ordinary,  // false: an ordinary request for the same entry
  forced,    // true: fetch anew and refill
};
/// `name` empty = the route has none. The last one counts where there are several.
[[nodiscard]] Refresh refresh_asked(std::string_view query, std::string_view name);

}  // namespace larder::policy
