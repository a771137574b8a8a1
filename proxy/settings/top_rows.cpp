// The rows of the top level and its groups.
#include "settings/rows.hpp"

#include <thread>

namespace larder::settings {

namespace {

constexpr Millis forever = std::chrono::hours{24 * 365};

template <class Value>
Row<Settings> duration(std::string name, Value Settings::*group, Millis Value::*member, Millis least,
                       std::string meaning) {
  return duration_row<Settings>(
      std::move(name), [=](Settings& s) -> Millis& { return s.*group.*member; }, least, forever,
      std::move(meaning));
}

template <class Value, class Number>
Row<Settings> size(std::string name, Value Settings::*group, Number Value::*member, std::uint64_t least,
                   std::uint64_t greatest, std::string meaning) {
  return size_row<Settings>(
      std::move(name), [=](Settings& s) -> Number& { return s.*group.*member; }, least, greatest,
      std::move(meaning));
}

template <class Value>
Row<Settings> number(std::string name, Value Settings::*group, std::size_t Value::*member,
                     std::uint64_t least, std::uint64_t greatest, std::string meaning) {
  return number_row<Settings>(
      std::move(name), [=](Settings& s) -> std::size_t& { return s.*group.*member; }, least, greatest,
      std::move(meaning));
}

Row<Settings> listen_row() {
  Row<Settings> row{"listen",
                    "address or list of addresses",
                    "host:port, [::1]:port, unix:/path, fd:NAME",
                    "127.0.0.1:8080",
                    "Where clients connect. fd:NAME is a socket that the service manager passes.",
                    {},
                    false};
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    const auto list = texts(report, node, "listen");
    if (!list) return;
    settings.listen.clear();
    for (const auto& [text, at] : *list) {
      std::string error;
      if (auto address = parse_listen(text, error))
        settings.listen.push_back(std::move(*address));
      else
        report.error(at, "listen: " + error);
    }
  };
  return row;
}

Row<Settings> admin_row() {
  Row<Settings> row{"admin",
                    "address",
                    "a loopback address or unix:/path",
                    "",
                    "Where health and metrics are served. Left out, there is no admin listener.",
                    {},
                    false};
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    const auto text = scalar(report, node, "admin");
    if (!text) return;
    std::string error;
    settings.admin = parse_listen(*text, error);
    if (!settings.admin) report.error(node, "admin: " + error);
  };
  return row;
}

Row<Settings> upstream_row(std::string name) {
  Row<Settings> row{std::move(name),
                    "URL",
                    "http://host[:port] or unix:/path",
                    "http://127.0.0.1:8000",
                    "The API. `upstream: URL` alone is short for `upstream: {url: URL}`.",
                    {},
                    false};
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    const auto text = scalar(report, node, "upstream");
    if (!text) return;
    std::string error;
    const auto parsed = parse_upstream(*text, error);
    if (!parsed) return report.error(node, "upstream: " + error);
    settings.upstream.address = parsed->address;
    settings.upstream.url = parsed->url;
    settings.upstream.authority = parsed->authority;
  };
  return row;
}

Row<Settings> loops_row() {
  Row<Settings> row{"loops",
                    "number or auto",
                    "1 to 256",
                    "1",
                    "Event loops, each on a thread of its own; auto is one a core.",
                    {},
                    false};
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    const auto text = scalar(report, node, "loops");
    if (!text) return;
    std::string error;
    const auto value = *text == "auto" ? std::optional<std::uint64_t>(0) : parse_number(*text, error);
    if (!value || *value > 256 || (*value == 0 && *text != "auto")) {
      return report.error(node, "loops: '" + *text + "' is neither auto nor a number from 1 to 256");
    }
    settings.loops = static_cast<unsigned>(*value);
  };
  return row;
}

Row<Settings> persist_row() {
  Row<Settings> row{"cache.persist",
                    "path",
                    "",
                    "",
                    "A file in which stored responses outlive a restart. Left out, they are in memory only.",
                    {},
                    true};
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    if (const auto text = scalar(report, node, "cache.persist")) settings.cache.persist = *text;
  };
  return row;
}

Row<Settings> compression_row() {
  Row<Settings> row{"compression", "off, auto", "", "off", "Content codings towards clients.", {}, true};
  row.set = [](Report& report, const YAML::Node& node, Settings&) {
    if (!node.IsScalar() && !node.IsMap()) report.error(node, "compression is off, auto or a mapping");
  };
  return row;
}

std::vector<Row<Settings>> make_top_rows() {
  const auto log_level = choice_row<Settings, std::string& (*)(Settings&), std::string>(
      "log_level", [](Settings& s) -> std::string& { return s.log_level; },
      {{"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}}, "info",
      "What larder says of itself on standard error: this and what is more severe.");
  const auto access_log = choice_row<Settings, AccessLog& (*)(Settings&), AccessLog>(
      "access_log", [](Settings& s) -> AccessLog& { return s.access_log; },
      {{"off", AccessLog::off}, {"json", AccessLog::json}, {"combined", AccessLog::combined}}, "off",
      "A line a request on standard output: JSON, or the combined format with the outcome behind it.");
  constexpr auto kib = std::uint64_t{1} << 10;
  constexpr auto mib = std::uint64_t{1} << 20;
  constexpr auto gib = std::uint64_t{1} << 30;
  constexpr std::uint64_t million = 1'000'000;
  using S = Settings;
  return {
      listen_row(),
      upstream_row("upstream"),
      upstream_row("upstream.url"),
      number("upstream.connections", &S::upstream, &Upstream::connections, 1, 65536,
             "Connections to the API at a time, all loops together."),
      number("upstream.queue", &S::upstream, &Upstream::queue, 0, million,
             "Requests that may wait for a connection; one more is answered with 503."),
      duration("upstream.queue_timeout", &S::upstream, &Upstream::queue_timeout, 1ms,
               "How long a request waits for a connection before it is answered with 503."),
      duration("upstream.connect_timeout", &S::upstream, &Upstream::connect_timeout, 1ms,
               "How long the API may take to accept a connection; then 504."),
      duration("upstream.first_byte_timeout", &S::upstream, &Upstream::first_byte_timeout, 1ms,
               "How long the API may take to begin its answer once the request is sent; then 504."),
      duration("upstream.idle_timeout", &S::upstream, &Upstream::idle_timeout, 1ms,
               "How long a message may stand still between two reads or writes."),
      duration("upstream.keep_alive", &S::upstream, &Upstream::keep_alive, 1ms,
               "How long an unused connection is kept; shorter than the API's own time-out spares retries."),
      duration("upstream.resolve_interval", &S::upstream, &Upstream::resolve_interval, 1ms,
               "How often the API's name is looked up again."),
      admin_row(),
      loops_row(),
      size("cache.memory", &S::cache, &Cache::memory, 1 * mib, 1024 * gib,
           "The budget for stored responses, with all that belongs to them."),
      size("cache.max_body", &S::cache, &Cache::max_body, 1, 16 * gib,
           "A larger body streams through unstored."),
      number("cache.variants", &S::cache, &Cache::variants, 1, 1024,
             "Stored responses of one URL that differ by Vary fields or Origin; the oldest leaves."),
      duration("cache.uncacheable_memory", &S::cache, &Cache::uncacheable_memory, 0ms,
               "How long larder remembers that a URL's answers cannot be shared, so that requests for it do "
               "not wait for each other."),
      persist_row(),
      access_log,
      log_level,
      duration_row<S>(
          "drain_timeout", [](S& s) -> Millis& { return s.drain_timeout; }, 0ms, forever,
          "How long connections may take to end after SIGTERM."),
      size("limits.head", &S::gate, &http::Limits::head, 1 * kib, 1 * mib,
           "A message's start line and fields together."),
      size("limits.target", &S::gate, &http::Limits::target, 64, 512 * kib, "A request's target."),
      size("limits.field", &S::gate, &http::Limits::field, 64, 512 * kib, "One field line."),
      number("limits.fields", &S::gate, &http::Limits::fields, 8, 10'000, "Field lines of one message."),
      size("limits.method", &S::gate, &http::Limits::method, 8, 256, "A method's name."),
      size("limits.chunk_extension", &S::gate, &http::Limits::chunk_extension, 0, 64 * kib,
           "Extensions of one chunk; they are dropped."),
      size("limits.trailers", &S::gate, &http::Limits::trailers, 0, 1 * mib,
           "A body's trailers; they are dropped."),
      size("limits.body", &S::limits, &ConnectionLimits::body, 1 * kib, 1024 * gib, "A request's body."),
      size("limits.buffer", &S::limits, &ConnectionLimits::buffer, 4 * kib, 16 * mib,
           "Bytes in flight in each direction of a streamed body."),
      number("limits.connections", &S::limits, &ConnectionLimits::connections, 1, million,
             "Client connections at a time, all loops together; one more is answered with 503."),
      number("limits.requests_per_connection", &S::limits, &ConnectionLimits::requests_per_connection, 0,
             1'000'000'000, "Requests after which a client's connection is closed; 0 is no bound."),
      duration("timeouts.head", &S::timeouts, &Timeouts::head, 1ms,
               "From a request's first byte to the end of its head."),
      duration("timeouts.body", &S::timeouts, &Timeouts::body, 1ms, "Between two reads of a request's body."),
      duration("timeouts.write", &S::timeouts, &Timeouts::write, 1ms,
               "Between two writes to a client that reads slowly."),
      duration("timeouts.idle", &S::timeouts, &Timeouts::idle, 1ms, "Between two requests on a connection."),
      duration("timeouts.tunnel", &S::timeouts, &Timeouts::tunnel, 1ms,
               "Silence in both directions of a tunnel (WebSocket)."),
      compression_row(),
  };
}

}  // namespace

const std::vector<Row<Settings>>& top_rows() {
  static const auto rows = make_top_rows();
  return rows;
}

}  // namespace larder::settings
