// The validated settings: plain data that any module may read. A Settings is immutable once built and is
// shared as shared_ptr<const Settings>; a reload builds a new one.
#pragma once

#include "http/coding.hpp"
#include "http/limits.hpp"
#include "http/target.hpp"
#include "settings/request_fields.hpp"
#include "settings/trusted_proxies.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace larder::settings {

using Millis = std::chrono::milliseconds;
using namespace std::chrono_literals;

struct TcpAddress {
  std::string host;  // a name or an address, without brackets; empty means all addresses
  std::uint16_t port = 0;
};
struct UnixAddress {
  std::string path;  // "@name" is an abstract socket of Linux
};
struct InheritedSocket {
  std::string name;  // name of a descriptor passed by the service manager (FileDescriptorName=)
};
using ListenAddress = std::variant<TcpAddress, UnixAddress, InheritedSocket>;

/// Parses `host:port`, `[::1]:port`, `unix:/path` or `fd:NAME`; nullopt and a message in `error` if it is
/// none of these.
[[nodiscard]] std::optional<ListenAddress> parse_listen(std::string_view text, std::string& error);
/// The inverse of parse_listen; used in logs and the readiness line.
[[nodiscard]] std::string to_string(const ListenAddress& address);

/// Files in PEM; the OCSP response in DER.
struct CertificateFiles {
  std::string certificate;  // a chain, the server's certificate first
  std::string key;
  std::string ocsp;  // empty = none
};

/// TLS towards clients.
struct ListenerTls {
  CertificateFiles first;                      // for clients without SNI; empty if `certificates` has it
  std::vector<CertificateFiles> certificates;  // further ones, chosen by SNI
  std::string client_ca;                       // empty = clients are not asked for certificates
  bool requires_client = true;                 // `client_auth: require`
  std::string client_field;  // request field, in lower case, for the subject of the client's certificate
  bool allows_tls_1_2 = true;
  bool ktls = false;

  [[nodiscard]] bool is_on() const noexcept { return !first.certificate.empty() || !certificates.empty(); }
  /// All of them, the one for clients without SNI first.
  [[nodiscard]] std::vector<CertificateFiles> all() const;
};

enum class Http2 : std::uint8_t { automatic, on, off };  // automatic: with TLS, where clients choose it

/// Where clients connect, and how.
struct Listener {
  Listener() = default;
  Listener(ListenAddress its_address)
      : address(std::move(its_address)) {}  // NOLINT: a listener is its address

  ListenAddress address;
  ListenerTls tls;
  Millis hsts{0};                   // 0 = no Strict-Transport-Security
  bool redirects_to_https = false;  // every request gets 308
  Http2 http2 = Http2::automatic;
  bool proxy_protocol = false;      // each connection begins with a header of the PROXY protocol
  std::vector<Network> proxy_from;  // the balancers; empty = those on this host

  /// By ALPN with TLS; without, by prior knowledge (RFC 9113 3.2, 3.3).
  [[nodiscard]] bool uses_proxy_protocol() const noexcept { return proxy_protocol || !proxy_from.empty(); }
  [[nodiscard]] bool uses_http2() const noexcept {
    return http2 == Http2::on || (http2 == Http2::automatic && tls.is_on());
  }
};

/// TLS towards the API.
struct UpstreamTls {
  std::string ca;           // empty = the system's authorities
  std::string server_name;  // empty = the host of the URL
  std::string certificate;
  std::string key;
  bool verify = true;

  bool operator==(const UpstreamTls&) const = default;
};

struct Upstream {
  std::variant<TcpAddress, UnixAddress> address = TcpAddress{"127.0.0.1", 8000};
  std::string url = "http://127.0.0.1:8000";  // as configured
  bool uses_tls = false;                      // https
  UpstreamTls tls;
  std::string authority = "127.0.0.1:8000";  // Host for requests without one and for larder's own requests
  std::size_t connections = 64;              // maximum of open connections, over all loops
  std::size_t queue = 1024;                  // maximum of requests that wait for a connection, over all loops
  Millis queue_timeout = 30s;
  Millis connect_timeout = 3s;
  Millis first_byte_timeout = 60s;
  Millis idle_timeout = 60s;                // between two reads or writes of one message
  Millis fill_timeout = 10s;                // silence after which a fill's response is handed over
  Millis total_timeout = 2min;              // of all phases of a fill
  Millis keep_alive = 30s;                  // a pooled connection that is unused for longer is closed
  Millis resolve_interval = 30s;            // interval between resolutions of the host name
  std::size_t background_connections = 16;  // maximum for background fetches; part of `connections`
  std::size_t breaker_failures = 10;  // consecutive failures that open the circuit breaker; 0 disables it
  Millis breaker_wait = 1s;
  Millis breaker_longest_wait = 5s;
};

/// Parses `http://host[:port]`, `https://host[:port]` or `unix:/path` into address, url, uses_tls and
/// authority.
[[nodiscard]] std::optional<Upstream> parse_upstream(std::string_view text, std::string& error);

/// Directives and fields against storing that a route overrides.
struct Despite {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  bool set_cookie = false;
  bool authorization = false;
};

struct KeyRule {
  enum class Query : std::uint8_t { all, none, named };
  Query query = Query::all;
  std::vector<std::string> query_names;  // for Query::named, in the order given
  std::vector<std::string> headers;      // lower case; compared as if every response listed them in Vary
  std::vector<std::string> cookies;      // names of cookies whose values are part of the secondary key
};

/// Fields and cookies whose presence makes a request bypass the cache, whatever their value.
struct BypassRule {
  std::vector<std::string> cookies;
  std::vector<std::string> headers;  // lower case
};

enum class CacheMode : std::uint8_t { off, standard, ttl };
enum class Invalidation : std::uint8_t { hard, soft };
/// Whether the Cache-Control and Pragma of requests are obeyed (RFC 9111 5.2.1).
enum class ClientDirectives : std::uint8_t { obey, ignore };

struct Route {
  std::string name;  // the path pattern's text; identifies the route in metrics and logs
  http::PathPattern path;
  std::size_t index = 0;  // position in Settings::routes
  std::string place;      // position in the configuration, as FILE:LINE:COL
  CacheMode cache = CacheMode::off;
  Millis ttl{0};  // for CacheMode::ttl, > 0
  std::optional<Millis> negative_ttl;
  /// 0 is `off`: never, even where the response's own fields allow it. nullopt: those fields decide.
  std::optional<Millis> stale_while_revalidate;
  std::optional<Millis> stale_if_error;
  std::optional<Millis> keep_warm;  // 0 is `off`
  bool warm = false;
  std::string refresh_param;  // empty = none
  Millis refresh_min_interval{0};
  std::vector<std::string> fields;  // dotted paths; empty without projection
  std::string items;                // path to the list; empty for the top level
  std::string fields_param;
  std::vector<std::string> etag_ignore;
  KeyRule key;
  BypassRule bypass;
  ClientDirectives client_directives = ClientDirectives::obey;
  bool store_errors = true;  // store 4xx and 5xx, if the response's fields or negative_ttl permit it
  Despite despite;
  std::vector<http::PathPattern> invalidated_by;
  Invalidation invalidation = Invalidation::hard;
  std::vector<std::string> groups;
  bool compress = true;                             // `compress: auto|off`
  std::optional<std::string> client_cache_control;  // replaces Cache-Control towards the client
  [[nodiscard]] bool keeps_warm() const noexcept { return keep_warm.value_or(Millis{0}) > Millis{0}; }
  /// Whether responses are projected, by the route or on request of a client; such routes always fetch the
  /// complete representation without content coding.
  [[nodiscard]] bool projects() const noexcept { return !fields.empty() || !fields_param.empty(); }
  /// A hash of the settings that determine the bytes and the meaning of the route's stored responses, which
  /// are those whose rows are marked Fingerprint::included. A stored response with another fingerprint is not
  /// used after a reload or restart. Equal in all processes with the same settings.
  std::uint64_t config_fingerprint = 0;
  std::string shape;  // identifies the projection: equal for equal rules; empty without projection
};

struct Cache {
  std::size_t memory = 256u << 20;      // bytes
  std::size_t max_body = 16u << 20;     // bytes; lowered with `memory`, see set_dependent_defaults()
  std::size_t variants = 32;            // maximum of stored responses for one primary key (Vary, Origin)
  Millis uncacheable_memory = 2s;       // how long a key is remembered as hit-for-miss
  bool status_key = false;              // Cache-Status includes the cache key
  std::size_t kept_warm = 1024;         // maximum of entries refreshed by keep_warm
  std::vector<std::string> warm_hosts;  // authorities; empty means that of the first listener
  bool warm_before_ready = false;
  std::optional<std::string> persist;      // path of the archive
  std::size_t persist_size = 1024u << 20;  // bytes
  Millis persist_stale = 10min;  // after a restart: how long past its lifetime a response may be served
};

/// Values for the routes with a ttl that do not set them themselves; `off` (0) in a route overrides.
struct RouteDefaults {
  std::optional<Millis> keep_warm;
  std::optional<Millis> stale_while_revalidate;
  std::optional<Millis> stale_if_error;
};

struct Timeouts {
  Millis handshake = 10s;  // of TLS
  Millis head = 10s;       // from a request's first byte to the end of its head
  Millis body = 30s;       // between two reads of a request's body
  Millis write = 30s;      // between two successful writes to a client
  Millis idle = 75s;       // between two requests
  Millis tunnel = 1h;      // a tunnel without traffic in either direction
};

struct ConnectionLimits {
  std::size_t connections = 10'000;        // maximum of client connections, over all loops
  std::size_t streams = 100;               // maximum of HTTP/2 streams open on a connection
  std::size_t handshakes = 256;            // maximum of TLS handshakes under way, over all loops
  std::uint64_t body = 1ull << 30;         // bytes of a request's body
  std::size_t request_buffer = 64 * 1024;  // bytes of a body that are read before a connection is taken
  std::optional<std::uint64_t> bodies_in_flight = {};  // bytes; see Settings::bodies_in_flight
  std::size_t uploads = 32;                 // maximum of upstream connections held by request bodies
  std::uint64_t body_rate = 1024;           // minimum of bytes per second of a request's body
  std::size_t buffer = 64 * 1024;           // bytes buffered per direction of a streamed body
  std::size_t requests_per_connection = 0;  // 0 = unlimited
  std::size_t json_depth = 64;              // maximum nesting depth of projected JSON
  std::size_t json_members = 10'000'000;    // maximum of members of all its objects and lists together
  std::size_t hops = 8;                     // maximum of members in a request's Via; more indicate a loop
};

/// Content codings for clients (RFC 9110 8.4.1); each is applied once per stored response.
struct Compression {
  using Coding = http::Coding;
  bool on = true;
  std::vector<Coding> codings = {Coding::zstd, Coding::br, Coding::gzip};  // in order of preference
  std::size_t min_size = 1024;  // bytes; smaller bodies are not encoded
  unsigned gzip_level = 6;
  unsigned br_level = 5;
  unsigned zstd_level = 9;

  [[nodiscard]] int level_of(Coding coding) const noexcept {
    return static_cast<int>(coding == Coding::gzip ? gzip_level
                            : coding == Coding::br ? br_level
                                                   : zstd_level);
  }
};

enum class AccessLog : std::uint8_t { off, json, combined };

/// Query parameters whose values are hidden in the access log.
struct Redaction {
  enum class Of : std::uint8_t { none, all, named };
  Of of = Of::none;
  std::vector<std::string> names;
};

/// Whether an identifier of a request is generated if the request has none; an existing one is always
/// forwarded.
enum class Begin : bool { no, yes };

struct Settings {
  std::vector<Listener> listen = {ListenAddress(TcpAddress{"127.0.0.1", 8080})};
  Upstream upstream;
  std::optional<ListenAddress> admin;
  ListenerTls admin_tls;    // of the admin listener
  std::string admin_token;  // empty = no token required
  unsigned loops = 1;       // 0 = one per core
  Cache cache;
  RouteDefaults defaults;  // already applied to `routes`
  http::Limits gate;
  ConnectionLimits limits;
  Timeouts timeouts;
  Compression compression;
  AccessLog access_log = AccessLog::off;
  std::optional<std::string> access_log_file;  // nullopt: standard output
  Redaction access_log_redact;
  Begin trace_context = Begin::no;
  Begin request_id = Begin::no;
  std::vector<Network> trusted_proxies = default_trusted_proxies();
  std::vector<std::string> credentials = RequestFields::default_credentials();  // field names in lower case
  RequestFields request_fields;                                                 // made from `credentials`
  std::vector<std::string> client_fields;            // of all listeners; no client may send these
  std::vector<std::string> upgrade = {"websocket"};  // protocols to which a connection may switch, lower case
  std::string log_level = "info";
  Millis drain_timeout = 30s;
  std::vector<Route> routes;

  /// `admin` must be set.
  [[nodiscard]] Listener admin_listener() const;
  /// limits.bodies_in_flight, or its default: 64 MiB or a quarter of cache.memory, whichever is more.
  [[nodiscard]] std::size_t bodies_in_flight() const noexcept;
  /// The first route that matches the normalised path; nullptr if none does, so that the request is forwarded
  /// without caching.
  [[nodiscard]] const Route* route_for(std::string_view normalised_path) const noexcept;
};

}  // namespace larder::settings
