// The validated settings: plain data that any room may read. A Settings is immutable once built and shared as
// shared_ptr<const Settings>; a reload builds another one.
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

/// Where to listen or to connect.
struct TcpAddress {
  std::string host;  // a name or an address, without brackets; empty = every address
  std::uint16_t port = 0;
};
struct UnixAddress {
  std::string path;  // "@name" is Linux's abstract namespace
};
struct InheritedSocket {
  std::string name;  // of a descriptor that the service manager passes (FileDescriptorName=)
};
using ListenAddress = std::variant<TcpAddress, UnixAddress, InheritedSocket>;

/// `host:port`, `[::1]:port`, `unix:/path`, `fd:NAME`; nullopt and a sentence in `error` otherwise.
[[nodiscard]] std::optional<ListenAddress> parse_listen(std::string_view text, std::string& error);
/// The same text back: what logs and the readiness line show.
[[nodiscard]] std::string to_string(const ListenAddress& address);

struct Upstream {
  std::variant<TcpAddress, UnixAddress> address = TcpAddress{"127.0.0.1", 8000};
  std::string url = "http://127.0.0.1:8000";  // as configured
  std::string authority = "127.0.0.1:8000";   // Host for requests that came without one, and of larder's own
  std::size_t connections = 64;               // open at a time, all loops together
  std::size_t queue = 1024;                   // requests that wait for a connection, all loops together
  Millis queue_timeout = 30s;
  Millis connect_timeout = 3s;
  Millis first_byte_timeout = 60s;
  Millis idle_timeout = 60s;                // between two reads (or writes) of one message
  Millis keep_alive = 30s;                  // a pooled connection older than that without use is closed
  Millis resolve_interval = 30s;            // a name is looked up again after that
  std::size_t background_connections = 16;  // of those: for what is fetched behind readers
  std::size_t breaker_failures = 10;        // in a row; 0 = no breaker
  Millis breaker_wait = 1s;
  Millis breaker_longest_wait = 30s;
};

/// `http://host[:port]` or `unix:/path` into address, url and authority.
[[nodiscard]] std::optional<Upstream> parse_upstream(std::string_view text, std::string& error);

/// What a ttl route does despite an answer or a request that speaks against storing it.
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
  std::vector<std::string> headers;      // lower case; treated as though every answer had them in Vary
  std::vector<std::string> cookies;      // names of cookies whose values tell entries apart, likewise
};

/// What makes a request pass by the cache, whatever its value.
struct BypassRule {
  std::vector<std::string> cookies;
  std::vector<std::string> headers;  // lower case
};

enum class CacheMode : std::uint8_t { off, standard, ttl };
enum class Invalidation : std::uint8_t { hard, soft };
/// What a request's own Cache-Control and Pragma may ask for (RFC 9111 5.2.1).
enum class ClientDirectives : std::uint8_t { obey, ignore };

struct Route {
  std::string name;  // the path pattern's text: what metrics and logs call it
  http::PathPattern path;
  std::size_t index = 0;  // position in Settings::routes
  std::string place;      // where it stands, for people: FILE:LINE:COL
  CacheMode cache = CacheMode::off;
  Millis ttl{0};  // for CacheMode::ttl, > 0
  std::optional<Millis> negative_ttl;
  std::optional<Millis> stale_while_revalidate;
  std::optional<Millis> stale_if_error;
  std::optional<Millis> keep_warm;
  bool warm = false;
  std::string refresh_param;  // empty = none
  Millis refresh_min_interval{0};
  std::vector<std::string> fields;  // empty = no projection; dotted paths
  std::string items;                // where the list is; empty = top level
  std::string fields_param;
  std::vector<std::string> etag_ignore;
  KeyRule key;
  BypassRule bypass;
  ClientDirectives client_directives = ClientDirectives::obey;
  bool store_errors = true;  // 4xx and 5xx, where upstream's fields or negative_ttl say so
  Despite despite;
  std::vector<http::PathPattern> invalidated_by;
  Invalidation invalidation = Invalidation::hard;
  std::vector<std::string> groups;
  bool compress = true;                             // `compress: auto|off`
  std::optional<std::string> client_cache_control;  // replaces Cache-Control towards the client
  /// Answers are cut down, by the route or at a client's wish: what is fetched is whole, in no coding.
  [[nodiscard]] bool projects() const noexcept { return !fields.empty() || !fields_param.empty(); }
  /// Of everything in the settings that shapes the bytes of the route's stored responses: they are void where
  /// a reload or a restart brings another one. The same in every process.
  std::uint64_t config_fingerprint = 0;
  std::string shape;  // names what projection makes of an answer: equal for routes with equal rules, empty
                      // without a projection
};

struct Cache {
  std::size_t memory = 256u << 20;      // bytes
  std::size_t max_body = 16u << 20;     // bytes
  std::size_t variants = 32;            // stored responses of one key (Vary, Origin)
  Millis uncacheable_memory = 2s;       // how long hit-for-miss is remembered
  bool status_key = false;              // Cache-Status tells the key
  std::size_t kept_warm = 1024;         // entries that keep_warm looks after
  std::vector<std::string> warm_hosts;  // authorities; none = the first listener's
  bool warm_before_ready = false;
  std::optional<std::string> persist;      // a file
  std::size_t persist_size = 1024u << 20;  // bytes
  Millis persist_stale = 10min;            // after a restart
};

struct Timeouts {
  Millis head = 10s;   // from a request's first byte to the end of its head
  Millis body = 30s;   // between two reads of a request's body
  Millis write = 30s;  // between two successful writes to a client
  Millis idle = 75s;   // between two requests
  Millis tunnel = 1h;  // a tunnel without traffic in either direction
};

struct ConnectionLimits {
  std::size_t connections = 10'000;         // clients at a time, all loops together
  std::uint64_t body = 1ull << 30;          // bytes of a request's body
  std::size_t buffer = 64 * 1024;           // bytes in flight in each direction of a streamed body
  std::size_t requests_per_connection = 0;  // 0 = no bound
  std::size_t json_depth = 64;              // containers one in another, of what is projected
  std::size_t json_members = 10'000'000;    // of all its objects and lists together
  std::size_t hops = 8;                     // members of a request's Via; with more it goes round in a circle
};

/// Content codings towards clients (RFC 9110 8.4.1), each made once for a stored response.
struct Compression {
  using Coding = http::Coding;
  bool on = true;
  std::vector<Coding> codings = {Coding::zstd, Coding::br, Coding::gzip};  // the preferred one first
  std::size_t min_size = 1024;  // bytes; a smaller body stays as it is
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

/// Values of a query that the access log does not show.
struct Redaction {
  enum class Of : std::uint8_t { none, all, named };
  Of of = Of::none;
  std::vector<std::string> names;
};

/// A field that names a request from hop to hop: passed on as it came, or begun where it is missing.
enum class Begin : bool { no, yes };

struct Settings {
  std::vector<ListenAddress> listen = {TcpAddress{"127.0.0.1", 8080}};
  Upstream upstream;
  std::optional<ListenAddress> admin;
  std::string admin_token;  // empty = none is asked for
  unsigned loops = 1;       // 0 = one a core
  Cache cache;
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
  std::vector<std::string> upgrade = {"websocket"};  // protocols to which a connection may switch, lower case
  std::string log_level = "info";
  Millis drain_timeout = 30s;
  std::vector<Route> routes;

  /// The first route that matches the normalised path; nullptr = pass through uncached.
  [[nodiscard]] const Route* route_for(std::string_view normalised_path) const noexcept;
};

}  // namespace larder::settings
