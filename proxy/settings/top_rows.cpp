// The rows of the table for the top level and its mappings.
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using S = Settings;
using enum Fingerprint;
using RowsOf = std::vector<Row<Settings>>;

Row<S> in_range(std::string range, Row<S> row) {
  row.form.range = std::move(range);
  return row;
}

Row<S> secret(Row<S> row) {
  row.secret = true;
  return row;
}

// A URL sets three members of Upstream; the others keep their values.
Row<S> upstream_row(const std::string& name, Fingerprint fingerprint, std::string meaning) {
  Row<S> row(name, {}, fingerprint, std::move(meaning));
  row.form.name = "URL";
  row.form.range = "http://host[:port], https://host[:port] or unix:/path";
  row.form.pattern = "^([Hh][Tt][Tt][Pp][Ss]?://[^/?#@ ]+/?|unix:[/@].+)$";
  row.set = [name](Report& report, const YAML::Node& node, S& settings) {
    const auto text = read_scalar(report, node, name);
    if (!text) return;
    std::string error;
    auto parsed = parse_upstream(*text, error);
    if (!parsed) return report.error(node, name + ": " + error);
    settings.upstream.address = std::move(parsed->address);
    settings.upstream.url = std::move(parsed->url);
    settings.upstream.uses_tls = parsed->uses_tls;
    settings.upstream.authority = std::move(parsed->authority);
  };
  row.show = [](const S& settings) { return yaml_text(settings.upstream.url); };
  return row;
}

// Accepts `all`, `none` or a list of names.
Row<S> redaction_row() {
  using Of = Redaction::Of;
  const std::string name = "access_log_redact";
  const auto words = choices<Of>({{"none", Of::none}, {"all", Of::all}});
  Row<S> row(name, words.form, excluded, "Query parameters whose values the access log replaces with ***.");
  row.form.name = "none, all or a list of names";
  row.form.or_names = true;
  row.set = [=](Report& report, const YAML::Node& node, S& settings) {
    auto& redact = settings.access_log_redact;
    if (node.IsSequence() && node.size() == 0)
      return report.error(node, name + " is an empty list; write none");
    if (node.IsSequence()) {
      redact = {Of::named, read_list(report, node, name, lines("name", "token"))};
      return;
    }
    const auto text = read_scalar(report, node, name);
    if (!text) return;
    std::string ignored;
    if (const auto of = words.read(*text, ignored))
      redact = {*of, {}};
    else
      redact = {Of::named, read_name_beside(report, node, name, words.form.words, lines("name", "token"))};
  };
  row.show = [=](const S& settings) {
    const auto& redact = settings.access_log_redact;
    return redact.of == Of::named ? "[" + show_names(redact.names) + "]" : words.write(redact.of);
  };
  return row;
}

RowsOf outside_rows() {
  const auto within_upstream = [](auto member) { return at(&S::upstream, member); };
  const auto within_tls = [](auto member) { return at(&S::upstream, &Upstream::tls, member); };
  return {
      listen_row(),
      upstream_row("upstream", excluded, "The API (origin server); short for `upstream: {url: URL}`."),
      upstream_row("upstream.url", excluded, "The API (origin server)."),
      value_row<S>("upstream.tls.ca", excluded, within_tls(&UpstreamTls::ca), file_paths(),
                   "With https: certificates, in PEM, of the authorities that may have issued the API's "
                   "certificate. If "
                   "not set, the system's."),
      value_row<S>(
          "upstream.tls.server_name", excluded, within_tls(&UpstreamTls::server_name), authorities(),
          "With https: the name that the API's certificate must have, and that it is asked for (SNI). If not "
          "set, the host of the URL."),
      value_row<S>("upstream.tls.certificate", excluded, within_tls(&UpstreamTls::certificate), file_paths(),
                   "With https: certificate chain in PEM with which larder identifies itself to the API."),
      value_row<S>("upstream.tls.key", excluded, within_tls(&UpstreamTls::key), file_paths(),
                   "Private key of upstream.tls.certificate, in PEM, without a passphrase."),
      value_row<S>("upstream.tls.verify", excluded, within_tls(&UpstreamTls::verify),
                   choices<bool>({{"true", true}, {"false", false}}),
                   "Whether the API's certificate is verified. With false, any certificate is accepted, and "
                   "an attacker who can "
                   "redirect connections to the API can read and change the traffic; larder warns of it at "
                   "each start."),
      value_row<S>("upstream.connections", excluded, within_upstream(&Upstream::connections),
                   numbers(1, 65536), "Maximum number of open connections to the API, over all loops."),
      value_row<S>("upstream.queue", excluded, within_upstream(&Upstream::queue), numbers(0, million),
                   "Maximum number of requests waiting for a connection; further ones get 503."),
      value_row<S>("upstream.queue_timeout", excluded, within_upstream(&Upstream::queue_timeout),
                   durations(1ms), "Maximum time a request waits for a connection; then 503."),
      value_row<S>("upstream.connect_timeout", excluded, within_upstream(&Upstream::connect_timeout),
                   durations(1ms), "Maximum time for the API to accept a connection; then 504."),
      value_row<S>("upstream.first_byte_timeout", excluded, within_upstream(&Upstream::first_byte_timeout),
                   durations(1ms),
                   "Maximum time from the end of the request to the first byte of the response; then 504."),
      value_row<S>("upstream.idle_timeout", excluded, within_upstream(&Upstream::idle_timeout),
                   durations(1ms), "Maximum time between two reads, or two writes, of one message."),
      value_row<S>(
          "upstream.fill_timeout", excluded, within_upstream(&Upstream::fill_timeout), durations(1ms),
          "A response that is fetched for the cache and, after its head, is silent for this time is no "
          "longer "
          "collected: the client whose request started the fetch receives it while it arrives, unstored, "
          "and other clients that wait for it fetch for themselves (detail=slow)."),
      value_row<S>(
          "upstream.total_timeout", excluded, within_upstream(&Upstream::total_timeout), durations(1ms),
          "Maximum time of a fetch for the cache, from its start to the end of the response; without a "
          "response head by then, clients get 504, otherwise it is handed over as after fill_timeout."),
      value_row<S>(
          "upstream.keep_alive", excluded, within_upstream(&Upstream::keep_alive), durations(1ms),
          "How long an idle connection is kept for reuse. A value below the API's own idle timeout avoids "
          "retries."),
      value_row<S>("upstream.resolve_interval", excluded, within_upstream(&Upstream::resolve_interval),
                   durations(1ms), "Interval at which the API's host name is resolved again."),
      value_row<S>("upstream.background_connections", excluded,
                   within_upstream(&Upstream::background_connections), numbers(1, 65536),
                   "Maximum number of connections used for background fetches. A background fetch gets no "
                   "connection while a client's request waits for one. If not set, it is at most half of "
                   "upstream.connections."),
      value_row<S>("upstream.breaker_failures", excluded, within_upstream(&Upstream::breaker_failures),
                   numbers(0, million),
                   "Consecutive failures (connection error, timeout, or 502, 503, 504) that open the circuit "
                   "breaker; 0 disables it."),
      value_row<S>(
          "upstream.breaker_wait", excluded, within_upstream(&Upstream::breaker_wait), durations(1ms),
          "How long the breaker stays open at first. Meanwhile nothing is sent to the API, and requests "
          "that no stored response can satisfy get 503. Then one request probes the API; if it succeeds, "
          "the number of concurrent requests is raised step by step."),
      value_row<S>("upstream.breaker_longest_wait", excluded,
                   within_upstream(&Upstream::breaker_longest_wait), durations(1ms),
                   "Maximum of breaker_wait, which each failed probe doubles."),
      admin_row(),
      secret(value_row<S>(
          "admin_token", excluded, at(&S::admin_token), secrets(),
          "Token that admin requests must carry (Authorization: Bearer); health checks and the page itself, "
          "which shows nothing without it, need none. "
          "Preferably written as ${LARDER_ADMIN_TOKEN}; the command-line tools take it from the "
          "file, or else from that variable.")),
      value_row<S>(
          "loops", excluded, at(&S::loops), numbers(1, 256, {{"auto", 0}}),
          "Number of event loops, each on its own thread; auto is one per core. Changing it requires a "
          "restart."),
  };
}

// Rows about request fields: credentials, trusted proxies, forwarding.
RowsOf request_rows() {
  auto credentials =
      list_or_none_row<S>("credentials", included, at(&S::credentials), field_names(),
                          "Request fields that carry a credential. They are treated like Authorization, "
                          "which is always included: with a ttl, such a request bypasses the cache unless "
                          "the route's key names the field or despite lists authorization; with cache: "
                          "standard, its response is stored only if the upstream allows it (RFC 9111 3.5).");
  credentials.set = [set = credentials.set](Report& report, const YAML::Node& node, S& settings) {
    set(report, node, settings);
    settings.request_fields = RequestFields(settings.credentials);
  };
  return {
      in_range(
          "10.0.0.0/8, 192.0.2.7, ::1, unix (every Unix socket); [] trusts no peer",
          list_or_none_row<S>(
              "trusted_proxies", excluded, at(&S::trusted_proxies), networks(),
              "Peers whose X-Forwarded-*, Forwarded and similar fields are trusted: the fields are forwarded "
              "to the API, and the host, scheme, port, prefix or URL in them is part of the cache key. From "
              "any other peer, these fields are replaced with larder's own values or removed.")),
      std::move(credentials),
      list_or_none_row<S>("upgrade", excluded, at(&S::upgrade), protocols(),
                          "Protocols to which a client may upgrade its connection. Any other Upgrade is "
                          "ignored (RFC 9110 7.8) and not forwarded."),
      value_row<S>("underscores", excluded, at(&S::gate, &http::Limits::underscores),
                   choices<bool>({{"drop", false}, {"pass", true}}),
                   "Whether request fields with an underscore in their names are forwarded. Many APIs treat "
                   "X_Forwarded_For as X-Forwarded-For, so the default is to drop them."),
  };
}

RowsOf cache_rows() {
  return {
      value_row<S>("cache.memory", excluded, at(&S::cache, &Cache::memory), sizes(mib, 1024 * gib),
                   "Memory budget for stored responses, including keys, index and encoded representations."),
      value_row<S>(
          "cache.max_body", excluded, at(&S::cache, &Cache::max_body), sizes(1, 16 * gib),
          "Largest response body that is stored; a larger one is streamed to the client and not stored. If "
          "not set, it is at most a quarter of cache.memory."),
      value_row<S>(
          "cache.variants", excluded, at(&S::cache, &Cache::variants), numbers(1, 1024),
          "Maximum number of stored responses of one URL that differ by Vary fields or Origin; beyond it "
          "the oldest is evicted."),
      value_row<S>(
          "cache.uncacheable_memory", excluded, at(&S::cache, &Cache::uncacheable_memory), durations(0ms),
          "How long a URL whose response could not be shared is marked hit-for-miss: its requests are not "
          "collapsed."),
      value_row<S>(
          "cache.status_key", excluded, at(&S::cache, &Cache::status_key),
          choices<bool>({{"true", true}, {"false", false}}),
          "Adds the cache key to Cache-Status, to find out why two requests share a stored response or do "
          "not."),
      value_row<S>("cache.kept_warm", excluded, at(&S::cache, &Cache::kept_warm), numbers(0, million),
                   "Maximum number of entries that keep_warm refreshes; further ones expire normally."),
      list_row<S>("cache.warm_hosts", excluded, at(&S::cache, &Cache::warm_hosts), authorities(),
                  "Host values for which `warm` routes are fetched, as clients send them; by default the "
                  "address of the first listener."),
      value_row<S>("cache.warm_before_ready", excluded, at(&S::cache, &Cache::warm_before_ready),
                   choices<bool>({{"true", true}, {"false", false}}),
                   "Whether /readyz fails until each `warm` route has been fetched."),
      optional_row<S>(
          "cache.persist", excluded, at(&S::cache, &Cache::persist), file_paths(),
          "File in which stored responses survive a restart. A second file beside it (.writes) records "
          "invalidations. If absent, responses are kept in memory only. Changing it requires a restart."),
      value_row<S>("cache.persist_size", excluded, at(&S::cache, &Cache::persist_size),
                   sizes(mib, 1024 * gib),
                   "Size budget of that file, for keys, heads and bodies; beyond it the oldest responses are "
                   "deleted."),
      value_row<S>(
          "cache.persist_stale", excluded, at(&S::cache, &Cache::persist_stale), durations(0ms),
          "After a restart, how long after its freshness lifetime a persisted response of a ttl route may "
          "be served while it is refreshed."),
  };
}

RowsOf default_rows() {
  using D = RouteDefaults;
  const auto time = [](const char* name, auto member, Millis least, std::string meaning) {
    return optional_row<S>(std::string("defaults.") + name, excluded, at(&S::defaults, member),
                           or_off(durations(least)), std::move(meaning));
  };
  return {
      time("keep_warm", &D::keep_warm, 1ms,
           "keep_warm of every route that has a ttl and does not set keep_warm itself."),
      time("stale_while_revalidate", &D::stale_while_revalidate, 0ms,
           "stale_while_revalidate of every route that has a ttl and does not set it itself."),
      time("stale_if_error", &D::stale_if_error, 0ms,
           "stale_if_error of every route that has a ttl and does not set it itself."),
  };
}

RowsOf saying_rows() {
  return {
      value_row<S>(
          "access_log", excluded, at(&S::access_log),
          choices<AccessLog>(
              {{"off", AccessLog::off}, {"json", AccessLog::json}, {"combined", AccessLog::combined}}),
          "One line per request: JSON, or the combined log format with the outcome appended."),
      optional_row<S>(
          "access_log_file", excluded, at(&S::access_log_file), file_paths(),
          "File for the access log; by default standard output. SIGUSR1 reopens it, for log rotation."),
      redaction_row(),
      value_row<S>("trace_context", excluded, at(&S::trace_context),
                   choices<Begin>({{"pass", Begin::no}, {"begin", Begin::yes}}),
                   "W3C Trace Context. pass: traceparent and tracestate are forwarded unchanged; begin: in "
                   "addition, a trace is started for a request without one."),
      value_row<S>(
          "request_id", excluded, at(&S::request_id),
          choices<Begin>({{"pass", Begin::no}, {"begin", Begin::yes}}),
          "X-Request-ID. pass: the field is forwarded unchanged; begin: in addition, one is generated for "
          "a request without it, and the response to the client has it."),
      value_row<S>(
          "log_level", excluded, at(&S::log_level),
          choices<std::string>({{"trace", "trace"},
                                {"debug", "debug"},
                                {"info", "info"},
                                {"warning", "warning"},
                                {"error", "error"}}),
          "Lowest severity of the messages that are logged to standard error. debug logs one line for each "
          "request; trace, in addition, each request to the API and its response."),
      value_row<S>("drain_timeout", excluded, at(&S::drain_timeout), durations(0ms),
                   "Maximum time for connections to finish after SIGTERM; then they are closed."),
  };
}

RowsOf make_rows() {
  RowsOf rows;
  for (const auto& group :
       {outside_rows(), request_rows(), cache_rows(), default_rows(), saying_rows(), limit_rows()})
    rows.insert(rows.end(), group.begin(), group.end());
  return rows;
}

}  // namespace

const std::vector<Row<Settings>>& top_rows() {
  static const auto rows = make_rows();
  return rows;
}

}  // namespace larder::settings
