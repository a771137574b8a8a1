// The rows of the top level and of its mappings.
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using S = Settings;
using RowsOf = std::vector<Row<Settings>>;

constexpr auto kib = std::uint64_t{1} << 10;
constexpr auto mib = std::uint64_t{1} << 20;
constexpr auto gib = std::uint64_t{1} << 30;
constexpr std::uint64_t million = 1'000'000;

template <class Access, class Value>
Row<S> value(std::string name, Access access, Codec<Value> codec, std::string meaning) {
  return value_row<S>(std::move(name), access, std::move(codec), std::move(meaning));
}

Row<S> in_range(std::string range, Row<S> row) {
  row.form.range = std::move(range);
  return row;
}

Row<S> secret(Row<S> row) {
  row.secret = true;
  return row;
}

// A URL is three members at once, and leaves the others of its mapping alone.
Row<S> upstream_row(const std::string& name, std::string meaning) {
  Row<S> row{name, {}, std::move(meaning), {}, {}};
  row.form.name = "URL";
  row.form.range = "http://host[:port] or unix:/path";
  row.set = [name](Report& report, const YAML::Node& node, S& settings) {
    const auto text = read_scalar(report, node, name);
    if (!text) return;
    std::string error;
    auto parsed = parse_upstream(*text, error);
    if (!parsed) return report.error(node, name + ": " + error);
    settings.upstream.address = std::move(parsed->address);
    settings.upstream.url = std::move(parsed->url);
    settings.upstream.authority = std::move(parsed->authority);
  };
  row.show = [](const S& settings) { return yaml_text(settings.upstream.url); };
  return row;
}

// all, none or a list of names.
Row<S> redaction_row() {
  using Of = Redaction::Of;
  const std::string name = "access_log_redact";
  const auto words = choices<Of>({{"none", Of::none}, {"all", Of::all}});
  Row<S> row{
      name, words.form, "Of a query, the parameters whose values the access log does not show.", {}, {}};
  row.form.name = "none, all or a list of names";
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
    const auto of = words.read(*text, ignored);
    if (!of)
      return report.error(
          node, name + ": " + in_quotes(*text) + " is neither all, none nor a list; write [" + *text + "]");
    redact = {*of, {}};
  };
  row.show = [=](const S& settings) {
    const auto& redact = settings.access_log_redact;
    return redact.of == Of::named ? "[" + show_names(redact.names) + "]" : words.write(redact.of);
  };
  return row;
}

RowsOf outside_rows() {
  const auto within_upstream = [](auto member) { return at(&S::upstream, member); };
  return {
      in_range("host:port, [::1]:port, :port (every address), unix:/path, fd:NAME",
               list_row<S>("listen", at(&S::listen), listen_addresses(),
                           "Where clients connect. fd:NAME is a socket that the service manager passes.")),
      upstream_row("upstream", "The API; short for `upstream: {url: URL}`."),
      upstream_row("upstream.url", "The API."),
      value("upstream.connections", within_upstream(&Upstream::connections), numbers(1, 65536),
            "Connections to the API at a time, all loops together."),
      value("upstream.queue", within_upstream(&Upstream::queue), numbers(0, million),
            "Requests that may wait for a connection; one more is answered with 503."),
      value("upstream.queue_timeout", within_upstream(&Upstream::queue_timeout), durations(1ms),
            "How long a request waits for a connection before it is answered with 503."),
      value("upstream.connect_timeout", within_upstream(&Upstream::connect_timeout), durations(1ms),
            "How long the API may take to accept a connection; then 504."),
      value("upstream.first_byte_timeout", within_upstream(&Upstream::first_byte_timeout), durations(1ms),
            "How long the API may take to begin its answer once the request is sent; then 504."),
      value("upstream.idle_timeout", within_upstream(&Upstream::idle_timeout), durations(1ms),
            "How long a message may stand still between two reads or writes."),
      value("upstream.keep_alive", within_upstream(&Upstream::keep_alive), durations(1ms),
            "How long an unused connection is kept; shorter than the API's own time-out spares retries."),
      value("upstream.resolve_interval", within_upstream(&Upstream::resolve_interval), durations(1ms),
            "How often the API's name is looked up again."),
      value("upstream.background_connections", within_upstream(&Upstream::background_connections),
            numbers(1, 65536),
            "Of the connections, how many may be busy with what no reader waits for; and none while a reader "
            "waits for one."),
      value("upstream.breaker_failures", within_upstream(&Upstream::breaker_failures), numbers(0, million),
            "Failures in a row (no answer in time, or 502, 503, 504) after which nothing is sent to the API "
            "for a "
            "while; 0 is never."),
      value(
          "upstream.breaker_wait", within_upstream(&Upstream::breaker_wait), durations(1ms),
          "For how long at first; requests that nothing stored can answer get 503. Then one probes, and the "
          "others come back step by step."),
      value("upstream.breaker_longest_wait", within_upstream(&Upstream::breaker_longest_wait), durations(1ms),
            "For how long at the most: each probe that fails doubles it."),
      in_range("host:port, [::1]:port or unix:/path; another host's address wants admin_token",
               optional_row<S>("admin", at(&S::admin), listen_addresses(),
                               "Where health, metrics and the status page are served. Left out, there is no "
                               "admin listener.")),
      secret(value("admin_token", at(&S::admin_token), secrets(),
                   "What the admin listener asks for (Authorization: Bearer), health apart. Best as "
                   "${LARDER_ADMIN_TOKEN}; the command line takes it from the file, or from that variable.")),
      value("loops", at(&S::loops), numbers(1, 256, {{"auto", 0}}),
            "Event loops, each on a thread of its own; auto is one a core."),
  };
}

// What larder believes of a request, and what it lets through.
RowsOf request_rows() {
  auto credentials = list_or_none_row<S>(
      "credentials", at(&S::credentials), field_names(),
      "Request fields that carry a credential. They are treated as Authorization is (which always counts): "
      "under a ttl "
      "such a request bypasses the cache, unless the route's key names the field or despite says "
      "authorization; with "
      "cache: standard its response is stored only where upstream allows it (RFC 9111 3.5).");
  credentials.set = [set = credentials.set](Report& report, const YAML::Node& node, S& settings) {
    set(report, node, settings);
    settings.request_fields = RequestFields(settings.credentials);
  };
  return {
      in_range(
          "10.0.0.0/8, 192.0.2.7, ::1, unix (every Unix socket); [] trusts nobody",
          list_or_none_row<S>(
              "trusted_proxies", at(&S::trusted_proxies), networks(),
              "Peers whose X-Forwarded-*, Forwarded and similar fields are believed: they go to the API, and "
              "what they say of host, scheme, port, prefix or URL tells entries apart. From any other peer "
              "these fields are replaced by what larder itself knows, or removed.")),
      std::move(credentials),
      list_or_none_row<S>(
          "upgrade", at(&S::upgrade), protocols(),
          "Protocols to which a client's connection may switch through larder (Upgrade); any other is "
          "ignored, as RFC 9110 7.8 allows, and not sent on."),
      value("underscores", at(&S::gate, &http::Limits::underscores),
            choices<bool>({{"drop", false}, {"pass", true}}),
            "Request fields with an underscore in their names. Many APIs take X_Forwarded_For for "
            "X-Forwarded-For, so "
            "by default they are dropped."),
  };
}

RowsOf cache_rows() {
  return {
      value("cache.memory", at(&S::cache, &Cache::memory), sizes(mib, 1024 * gib),
            "The budget for stored responses, with all that belongs to them."),
      value("cache.max_body", at(&S::cache, &Cache::max_body), sizes(1, 16 * gib),
            "A larger body streams through unstored."),
      value("cache.variants", at(&S::cache, &Cache::variants), numbers(1, 1024),
            "Stored responses of one URL that differ by Vary fields or Origin; the oldest leaves."),
      value("cache.uncacheable_memory", at(&S::cache, &Cache::uncacheable_memory), durations(0ms),
            "How long larder remembers that a URL's answers cannot be shared, so that requests for it do not "
            "wait for each other."),
      value("cache.status_key", at(&S::cache, &Cache::status_key),
            choices<bool>({{"true", true}, {"false", false}}),
            "Cache-Status names the key of what is stored; for finding out why two requests do or do not "
            "share."),
      value("cache.kept_warm", at(&S::cache, &Cache::kept_warm), numbers(0, million),
            "Entries that keep_warm refreshes at a time; one more is left to its readers."),
      list_row<S>("cache.warm_hosts", at(&S::cache, &Cache::warm_hosts), authorities(),
                  "The Hosts for which `warm` routes are fetched, as clients write them; without any, the "
                  "first listener's own address."),
      value("cache.warm_before_ready", at(&S::cache, &Cache::warm_before_ready),
            choices<bool>({{"true", true}, {"false", false}}),
            "/readyz waits until each `warm` route has been fetched."),
      optional_row<S>("cache.persist", at(&S::cache, &Cache::persist), file_paths(),
                      "A file in which stored responses outlive a restart, with another beside it (.writes) "
                      "that knows what writes made void. Left out, they are in memory only. A change counts "
                      "from the next start."),
      value("cache.persist_size", at(&S::cache, &Cache::persist_size), sizes(mib, 1024 * gib),
            "The budget for that file; the oldest leave first."),
      value("cache.persist_stale", at(&S::cache, &Cache::persist_stale), durations(0ms),
            "After a restart, for how long after its lifetime a persisted response of a ttl route is served "
            "while it is fetched anew."),
  };
}

RowsOf saying_rows() {
  return {
      value("access_log", at(&S::access_log),
            choices<AccessLog>(
                {{"off", AccessLog::off}, {"json", AccessLog::json}, {"combined", AccessLog::combined}}),
            "A line a request: JSON, or the combined format with the outcome behind it."),
      optional_row<S>(
          "access_log_file", at(&S::access_log_file), file_paths(),
          "Where those lines go; left out, to standard output. SIGUSR1 opens it anew, for logrotate."),
      redaction_row(),
      value("trace_context", at(&S::trace_context),
            choices<Begin>({{"pass", Begin::no}, {"begin", Begin::yes}}),
            "W3C Trace Context: traceparent and tracestate go on as they came; begin starts a trace where a "
            "request has none."),
      value("request_id", at(&S::request_id), choices<Begin>({{"pass", Begin::no}, {"begin", Begin::yes}}),
            "X-Request-ID goes on as it came; begin gives one to a request that has none."),
      value("log_level", at(&S::log_level),
            choices<std::string>({{"trace", "trace"},
                                  {"debug", "debug"},
                                  {"info", "info"},
                                  {"warning", "warning"},
                                  {"error", "error"}}),
            "What larder says of itself on standard error: this and what is more severe."),
      value("drain_timeout", at(&S::drain_timeout), durations(0ms),
            "How long connections may take to end after SIGTERM."),
  };
}

RowsOf limit_rows() {
  using http::Limits;
  using Bounds = ConnectionLimits;
  const auto gate = [](auto member) { return at(&S::gate, member); };
  const auto limits = [](auto member) { return at(&S::limits, member); };
  return {
      value("limits.head", gate(&Limits::head), sizes(kib, mib),
            "A message's start line and fields together."),
      value("limits.target", gate(&Limits::target), sizes(64, 512 * kib), "A request's target."),
      value("limits.field", gate(&Limits::field), sizes(64, 512 * kib), "One field line."),
      value("limits.fields", gate(&Limits::fields), numbers(8, 10'000), "Field lines of one message."),
      value("limits.method", gate(&Limits::method), sizes(8, 256), "A method's name."),
      value("limits.chunk_extension", gate(&Limits::chunk_extension), sizes(0, 64 * kib),
            "Extensions of one chunk; they are dropped."),
      value("limits.trailers", gate(&Limits::trailers), sizes(0, mib),
            "A body's trailers; they are dropped."),
      value("limits.json_depth", limits(&Bounds::json_depth), numbers(2, 1024),
            "Objects and lists one in another, of an answer that is projected; a deeper one passes whole."),
      value("limits.json_members", limits(&Bounds::json_members), numbers(1, 1000 * million),
            "Members and elements of such an answer; one with more passes whole."),
      value("limits.body", limits(&Bounds::body), sizes(kib, 1024 * gib), "A request's body."),
      value("limits.buffer", limits(&Bounds::buffer), sizes(4 * kib, 16 * mib),
            "Bytes in flight in each direction of a streamed body."),
      value("limits.connections", limits(&Bounds::connections), numbers(1, million),
            "Client connections at a time, all loops together; one more is answered with 503."),
      value("limits.hops", limits(&Bounds::hops), numbers(1, 255),
            "Proxies that a request may have passed, by its Via; one with more goes round in a circle, and "
            "is answered "
            "with 508."),
      value("limits.requests_per_connection", limits(&Bounds::requests_per_connection),
            numbers(0, 1000 * million),
            "Requests after which a client's connection is closed; 0 is no bound."),
  };
}

RowsOf timeout_rows() {
  const auto timeouts = [](auto member) { return at(&S::timeouts, member); };
  return {
      value("timeouts.head", timeouts(&Timeouts::head), durations(1ms),
            "From a request's first byte to the end of its head."),
      value("timeouts.body", timeouts(&Timeouts::body), durations(1ms),
            "Between two reads of a request's body."),
      value("timeouts.write", timeouts(&Timeouts::write), durations(1ms),
            "Between two writes to a client that reads slowly."),
      value("timeouts.idle", timeouts(&Timeouts::idle), durations(1ms),
            "Between two requests on a connection."),
      value("timeouts.tunnel", timeouts(&Timeouts::tunnel), durations(1ms),
            "Silence in both directions of a tunnel (WebSocket)."),
  };
}

RowsOf compression_rows() {
  using Coding = Compression::Coding;
  return {
      value("compression", at(&S::compression, &Compression::on),
            choices<bool>({{"off", false}, {"auto", true}}),
            "Content codings towards clients that ask for them, made once for a stored response."),
      list_row<S>("compression.codings", at(&S::compression, &Compression::codings),
                  choices<Coding>({{"zstd", Coding::zstd}, {"br", Coding::br}, {"gzip", Coding::gzip}}),
                  "Which, the one that larder would rather send first."),
      value("compression.min_size", at(&S::compression, &Compression::min_size), sizes(0, gib),
            "A smaller body is sent as it is."),
      value("compression.gzip_level", at(&S::compression, &Compression::gzip_level), numbers(1, 12),
            "How hard gzip tries; each body is coded once."),
      value("compression.br_level", at(&S::compression, &Compression::br_level), numbers(0, 11),
            "The same for br."),
      value("compression.zstd_level", at(&S::compression, &Compression::zstd_level), numbers(1, 19),
            "The same for zstd."),
  };
}

RowsOf make_rows() {
  RowsOf rows;
  for (const auto& group : {outside_rows(), request_rows(), cache_rows(), saying_rows(), limit_rows(),
                            timeout_rows(), compression_rows()})
    rows.insert(rows.end(), group.begin(), group.end());
  return rows;
}

}  // namespace

const std::vector<Row<Settings>>& top_rows() {
  static const auto rows = make_rows();
  return rows;
}

}  // namespace larder::settings
