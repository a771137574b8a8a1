// The facts about a request that decisions depend on, extracted once per request.
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

/// A client's TLS connection.
struct TlsClient {
  std::string_view version;  // `TLSv1.3`
  /// The request field that tells the API the subject of the client's verified certificate, and that subject;
  /// both are empty where there is none.
  std::string field;
  std::string subject;
};

/// How a request arrived.
struct Arrival {
  std::string_view peer;  // numeric address; empty for a Unix socket
  bool trusted = true;    // the peer is in trusted_proxies, so its forwarding fields are used
  http::Scheme scheme = http::Scheme::http;  // the listener's
  std::uint16_t port = 0;                    // the listener's; 0 for a Unix socket
  const TlsClient* tls = nullptr;            // nullptr = without TLS
  bool is_http_2 = false;
};

/// What the facts depend on beside the request. Everything referred to must outlive the facts.
struct FactsInput {
  const settings::Settings& settings;
  const KeyedHash& hash;
  Arrival arrival = {};
};

struct RequestFacts {
  http::Method method = http::Method::unknown;
  http::Fields fields;            // views into the request's bytes, which must outlive the facts
  http::CacheControl directives;  // Pragma counts if there is no Cache-Control
  const http::Field* if_none_match = nullptr;
  const http::Field* if_modified_since = nullptr;
  bool safe = false;             // RFC 9110 9.2.1, and no field overrides the method
  bool idempotent = false;       // RFC 9110 9.2.2, likewise
  bool method_override = false;  // a GET or HEAD with a field that overrides the method
  bool credentials = false;      // Authorization, or another field of `credentials`
  bool range = false;            // a GET of one byte range (RFC 9110 14.2); other Range values are ignored
  bool preconditions = false;    // If-Match or If-Unmodified-Since
  bool body = false;
  bool upgrade = false;         // to a protocol that `upgrade` allows
  bool refresh = false;         // the route's refresh_param asks for a fetch
  bool ambiguous_path = false;  // servers may interpret the path differently (http/ambiguous_path.hpp)
  /// The forwarding fields of a trusted proxy without addresses, as written by append_forwarded_text: the
  /// response may depend on them. Empty if there are none.
  std::string forwarded;
  std::string_view authority;  // as sent
  Arrival arrival;
  const settings::Settings* settings = nullptr;
  const KeyedHash* hash = nullptr;
};

/// The facts about a request, independent of its route. The views of `head` and all of `context` must outlive
/// the result.
[[nodiscard]] RequestFacts facts_of(const http::RequestHead& head, const FactsInput& context);

/// Removes from a request the fields that are accepted only from a trusted proxy (X-Forwarded-*, Forwarded,
/// X-Real-IP, ...). Returns the name of the first one removed, a view into the request's bytes; empty if
/// there was none.
std::string_view remove_forwarded(http::RequestHead& head, const settings::RequestFields& roles);

/// Removes the request's directives that the route ignores (client_directives).
void obey_directives(const settings::Route& route, RequestFacts& facts);

/// Whether the request has a credential that is not in the route's `key.headers`.
[[nodiscard]] bool has_foreign_credentials(const RequestFacts& request, const settings::Route& route);

/// Removes the fields that only larder may send (Settings::client_fields), also where they are written with
/// underscores.
void remove_client_fields(http::RequestHead& head, const std::vector<std::string>& names);

/// The authority of a request: its Host, or the API's if there is none (HTTP/1.0).
[[nodiscard]] std::string_view authority_of(const http::RequestHead& head,
                                            const settings::Settings& settings);

/// The protocols in the request's Upgrade that `allowed` contains, as a value of that field (RFC 9110 7.8);
/// empty if there is none.
[[nodiscard]] std::string allowed_upgrade(http::Fields request, const std::vector<std::string>& allowed);

/// What a request's refresh parameter says.
enum class Refresh : std::uint8_t {
  absent,    // no such parameter, or not a boolean: the parameter is forwarded like any other
  ordinary,  // false: an ordinary request; the parameter is not part of the key
  forced,    // true: fetch and store again
};
/// `name` is the route's refresh parameter; empty if it has none. The last occurrence counts.
[[nodiscard]] Refresh refresh_asked(std::string_view query, std::string_view name);

}  // namespace larder::policy
