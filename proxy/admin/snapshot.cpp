#include "admin/snapshot.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace larder::admin {

namespace {

using Element = simdjson::dom::element;

double number(Element object, const char* name) {
  double value = 0;
  return object[name].get(value) == simdjson::SUCCESS ? value : 0;
}

std::optional<bool> boolean(Element object, const char* name) {
  bool value = false;
  if (object[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

RouteFigures figures(Element object) {
  RouteFigures of;
  of.requests = number(object, "requests");
  of.spared = number(object, "spared");
  of.upstream_requests = number(object, "upstream_requests");
  of.upstream_errors = number(object, "upstream_errors");
  of.upstream_5xx = number(object, "upstream_5xx");
  of.upstream_answers = number(object, "upstream_answers");
  of.upstream_seconds = number(object, "upstream_seconds");
  of.waited_seconds = number(object, "waited_seconds");
  of.saved_by_304 = number(object, "saved_bytes_304");
  of.saved_by_projection = number(object, "saved_bytes_projection");
  of.saved_by_coding = number(object, "saved_bytes_coding");
  return of;
}

}  // namespace

std::optional<Snapshot> read_snapshot(const std::string& json) {
  simdjson::dom::parser parser;
  Element root;
  Element total;
  simdjson::dom::array routes;
  std::string_view version;
  std::string_view upstream;
  if (parser.parse(json).get(root) != simdjson::SUCCESS || root["total"].get(total) != simdjson::SUCCESS ||
      root["routes"].get(routes) != simdjson::SUCCESS || root["version"].get(version) != simdjson::SUCCESS ||
      root["upstream"].get(upstream) != simdjson::SUCCESS)
    return std::nullopt;
  Snapshot out;
  out.version = version;
  out.upstream = upstream;
  out.uptime_seconds = number(root, "uptime_seconds");
  out.draining = boolean(root, "draining").value_or(false);
  out.breaker_open = number(root, "upstream_breakers_open") > 0;
  out.busy = number(root, "upstream_busy");
  out.queue = number(root, "upstream_queue");
  out.upstream_errors = number(root, "upstream_errors");
  double heard = 0;
  if (root["upstream_heard_seconds_ago"].get(heard) == simdjson::SUCCESS)
    out.upstream_heard_seconds_ago = heard;
  out.persist_failures = number(root, "persist_failures");
  out.log_lines_dropped = number(root, "log_lines_dropped");
  out.connections = number(root, "connections");
  out.entries = number(root, "entries");
  out.stored_bytes = number(root, "stored_bytes");
  out.memory_bytes = number(root, "memory_bytes");
  out.evictions = number(root, "evictions");
  out.spared_seconds = number(root, "spared_seconds");
  out.last_reload_ok = boolean(root, "last_reload_ok");
  out.last_reload_seconds_ago = number(root, "last_reload_seconds_ago");
  out.total = figures(total);
  for (const auto route : routes) {
    std::string_view name;
    if (route["route"].get(name) != simdjson::SUCCESS) continue;
    out.routes.push_back(figures(route));
    out.routes.back().name = name;
  }
  return out;
}

std::string count_text(double value) {
  return fmt::format("{:.0f}", value);
}

std::string size_text(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

std::string time_text(double seconds) {
  if (seconds > 0 && seconds < 0.01) return fmt::format("{:.2f} ms", seconds * 1000);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string share_text(double part, double of) {
  return of > 0 ? fmt::format("{:.1f} %", 100 * part / of) : "-";
}

namespace {

std::string state_text(const Snapshot& snapshot) {
  const auto heard = snapshot.upstream_heard_seconds_ago
                         ? "last response " + time_text(*snapshot.upstream_heard_seconds_ago) + " ago"
                         : std::string("no response yet");
  if (snapshot.breaker_open)
    return "circuit breaker open, " + heard + "; requests resume when a probe succeeds";
  // A few errors among many requests since the start are not worth a warning.
  constexpr double tolerated = 0.05;
  const auto& total = snapshot.total;
  const auto bad = total.upstream_errors + total.upstream_5xx;
  if (bad > tolerated * total.upstream_requests)
    return fmt::format("{} of {} requests to it failed or got 5xx, {}", count_text(bad),
                       count_text(total.upstream_requests), heard);
  return snapshot.upstream_heard_seconds_ago ? "fine, " + heard : heard;
}

}  // namespace

void print_status(const Snapshot& snapshot, std::ostream& out) {
  const auto line = [&out](std::string_view name, const std::string& value) {
    out << fmt::format("{:<10} {}\n", name, value);
  };
  const auto& total = snapshot.total;
  line("larder", fmt::format("{}, up for {}{}", snapshot.version, time_text(snapshot.uptime_seconds),
                             snapshot.draining ? ", draining" : ""));
  line("API", fmt::format("{}: {}; {} requests under way, {} waiting, {} failed", snapshot.upstream,
                          state_text(snapshot), count_text(snapshot.busy), count_text(snapshot.queue),
                          count_text(snapshot.upstream_errors)));
  line("avoided", fmt::format("{} of {} API requests ({}), {} of API time", count_text(total.spared),
                              count_text(total.requests), share_text(total.spared, total.requests),
                              time_text(snapshot.spared_seconds)));
  line("not sent", fmt::format("{} by 304, {} by projection, {} by coding", size_text(total.saved_by_304),
                               size_text(total.saved_by_projection), size_text(total.saved_by_coding)));
  line("stored", fmt::format("{} entries, {} of {}, {} evicted", count_text(snapshot.entries),
                             size_text(snapshot.stored_bytes), size_text(snapshot.memory_bytes),
                             count_text(snapshot.evictions)));
  if (snapshot.persist_failures > 0)
    line("warning",
         count_text(snapshot.persist_failures) +
             " failures to open or write cache.persist: after a restart, responses are missing; see the log");
  if (snapshot.log_lines_dropped > 0)
    line("warning", count_text(snapshot.log_lines_dropped) +
                        " lines of the access log are lost: it cannot be written, or not fast enough");
  if (snapshot.last_reload_ok)
    line("reload",
         fmt::format("{} ago: {}", time_text(snapshot.last_reload_seconds_ago),
                     *snapshot.last_reload_ok ? "succeeded" : "failed; the previous settings stay in force"));
  out << fmt::format("\n{:<32} {:>10} {:>8} {:>10} {:>8} {:>10} {:>10}\n", "route", "requests", "avoided",
                     "to the API", "failed", "API mean", "not sent");
  for (const auto& route : snapshot.routes) {
    if (route.requests == 0 && route.upstream_requests == 0) continue;
    const auto takes = route.upstream_answers > 0 ? route.upstream_seconds / route.upstream_answers : 0;
    out << fmt::format("{:<32} {:>10} {:>8} {:>10} {:>8} {:>10} {:>10}\n",
                       route.name.empty() ? "(no route)" : route.name, count_text(route.requests),
                       share_text(route.spared, route.requests), count_text(route.upstream_requests),
                       count_text(route.upstream_errors), time_text(takes), size_text(route.saved()));
  }
}

}  // namespace larder::admin
