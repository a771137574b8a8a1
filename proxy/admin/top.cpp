#include "admin/top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace larder::admin {

namespace {

// The figures of one route between two snapshots.
RouteFigures growth(const RouteFigures& before, const RouteFigures& now) {
  RouteFigures of = now;
  of.requests -= before.requests;
  of.spared -= before.spared;
  of.upstream_requests -= before.upstream_requests;
  of.upstream_errors -= before.upstream_errors;
  of.upstream_answers -= before.upstream_answers;
  of.upstream_seconds -= before.upstream_seconds;
  of.waited_seconds -= before.waited_seconds;
  of.saved_by_304 -= before.saved_by_304;
  of.saved_by_projection -= before.saved_by_projection;
  of.saved_by_coding -= before.saved_by_coding;
  return of;
}

struct Line {
  RouteFigures now;
  RouteFigures grown;
};

double api_mean(const RouteFigures& of) {
  return of.upstream_answers > 0 ? of.upstream_seconds / of.upstream_answers : 0;
}

std::string rate_text(double count, double seconds) {
  return fmt::format("{:.1f}", seconds > 0 ? count / seconds : 0);
}

bool continues_a_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;
}

// The number of columns, counting one for each character, as most terminals do.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_a_character(c); }));
}

// The text truncated to that many columns, without control characters.
std::string cut(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  for (const char c : text) {
    if (!continues_a_character(c) && used++ == columns) break;
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  return out;
}

std::string left(std::string_view text, std::size_t columns) {
  auto out = cut(text, columns);
  return out.append(columns - std::min(columns, width_of(out)), ' ');
}

void sort(std::vector<Line>& lines, Order order) {
  std::stable_sort(lines.begin(), lines.end(), [order](const Line& a, const Line& b) {
    const bool idle_a = a.now.requests == 0;
    const bool idle_b = b.now.requests == 0;
    if (idle_a != idle_b) return idle_b;
    if (order == Order::rate) return a.grown.requests > b.grown.requests;
    if (order == Order::api_time) return api_mean(a.now) > api_mean(b.now);
    return a.now.name < b.now.name;
  });
}

}  // namespace

std::string top_frame(const Snapshot& before, const Snapshot& now, Order order, const Screen& screen) {
  const bool restarted =
      now.uptime_seconds < before.uptime_seconds || now.total.requests < before.total.requests;
  const Snapshot beginning;
  const auto& from = restarted ? beginning : before;
  const auto seconds = now.uptime_seconds - from.uptime_seconds;
  const auto grown = growth(from.total, now.total);

  std::map<std::string_view, const RouteFigures*> earlier;
  for (const auto& route : from.routes) earlier.emplace(route.name, &route);
  std::vector<Line> lines;
  for (const auto& route : now.routes) {
    const auto at = earlier.find(route.name);
    lines.push_back({route, growth(at == earlier.end() ? RouteFigures{} : *at->second, route)});
  }
  sort(lines, order);

  std::string out;
  std::size_t written = 0;
  const auto add = [&](const std::string& text) {
    if (written >= screen.lines) return;
    out += cut(text, screen.columns) + "\n";
    ++written;
  };
  add(fmt::format("larder {}, up for {}{}    {} {}, {} under way, {} waiting", now.version,
                  time_text(now.uptime_seconds), now.draining ? ", draining" : "", now.upstream,
                  now.breaker_open ? "BREAKER OPEN" : "up", count_text(now.busy), count_text(now.queue)));
  add(fmt::format("{} requests/s, {} avoided    {} API requests/s, {} failed    {} clients",
                  rate_text(grown.requests, seconds), share_text(grown.spared, grown.requests),
                  rate_text(grown.upstream_requests, seconds), count_text(grown.upstream_errors),
                  count_text(now.connections)));
  add(fmt::format("{} entries, {} of {}    since startup: {} of API time avoided, {} not sent",
                  count_text(now.entries), size_text(now.stored_bytes), size_text(now.memory_bytes),
                  time_text(now.spared_seconds), size_text(now.total.saved())));
  add("");
  constexpr std::size_t figures_width = 64;
  const auto name_width = screen.columns > figures_width + 12 ? screen.columns - figures_width : 12;
  const auto row = [&](std::string_view name, const std::vector<std::string>& cells) {
    auto text = left(name, name_width);
    for (const auto& cell : cells) text += fmt::format(" {:>8}", cell);
    add(text);
  };
  row("route", {"req/s", "avoided", "API/s", "failed", "API mean", "wait", "requests"});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (written + 1 == screen.lines && i + 1 < lines.size()) {
      add(fmt::format("... and {} more; a taller window shows them", lines.size() - i));
      break;
    }
    const auto& [total, of] = lines[i];
    const auto wait = of.requests > 0 ? of.waited_seconds / of.requests : 0;
    const auto api = of.upstream_answers > 0 ? api_mean(of) : api_mean(total);
    row(total.name.empty() ? "(no route)" : total.name,
        {rate_text(of.requests, seconds), share_text(of.spared, of.requests),
         rate_text(of.upstream_requests, seconds), count_text(of.upstream_errors),
         total.upstream_answers > 0 ? time_text(api) : "-", of.requests > 0 ? time_text(wait) : "-",
         count_text(total.requests)});
  }
  return out;
}

}  // namespace larder::admin
