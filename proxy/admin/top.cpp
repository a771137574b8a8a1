#include "admin/top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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

std::string_view name_of(const RouteFigures& route) {
  return route.name.empty() ? std::string_view("(no route)") : route.name;
}

// The table: names, and as many of the figures as leave room to read the names.
class Columns {
 public:
  using Cells = std::array<std::string, 7>;

  Columns(std::size_t longest_name, std::size_t screen) {
    const auto wanted = std::clamp<std::size_t>(longest_name, 12, 40);
    // In the order in which they are left out.
    for (const auto cell : {6u, 2u, 5u, 3u}) {
      if (screen >= wanted + width * shown()) break;
      hidden_[cell] = true;
    }
    name_width_ = std::max<std::size_t>(screen - std::min(screen, width * shown()), 12);
  }

  [[nodiscard]] std::string row(std::string_view name, const Cells& cells) const {
    // The ends of paths differ.
    const auto size = width_of(name);
    std::string shortened;
    if (size > name_width_) {
      auto skip = size - name_width_ + 3;
      while (!name.empty() && (skip > 0 || continues_a_character(name.front()))) {
        if (!continues_a_character(name.front())) --skip;
        name.remove_prefix(1);
      }
      shortened.append("...").append(name);
      name = shortened;
    }
    auto text = left(name, name_width_);
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!hidden_[i]) text += fmt::format(" {:>8}", cells[i]);
    return text;
  }

 private:
  static constexpr std::size_t width = 9;  // of a figure
  [[nodiscard]] std::size_t shown() const noexcept {
    return static_cast<std::size_t>(std::count(hidden_.begin(), hidden_.end(), false));
  }
  std::array<bool, std::tuple_size_v<Cells>> hidden_{};
  std::size_t name_width_;
};

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
  std::size_t longest = 0;
  for (const auto& line : lines) longest = std::max(longest, width_of(name_of(line.now)));
  const Columns columns(longest, screen.columns);
  add(columns.row("route", {"req/s", "avoided", "API/s", "failed", "API mean", "wait", "requests"}));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (written + 1 == screen.lines && i + 1 < lines.size()) {
      add(fmt::format("... and {} more; a taller window shows them", lines.size() - i));
      break;
    }
    const auto& [total, of] = lines[i];
    const auto wait = of.requests > 0 ? of.waited_seconds / of.requests : 0;
    const auto api = of.upstream_answers > 0 ? api_mean(of) : api_mean(total);
    add(columns.row(name_of(total), {rate_text(of.requests, seconds), share_text(of.spared, of.requests),
                                     rate_text(of.upstream_requests, seconds), count_text(of.upstream_errors),
                                     total.upstream_answers > 0 ? time_text(api) : "-",
                                     of.requests > 0 ? time_text(wait) : "-", count_text(total.requests)}));
  }
  return out;
}

}  // namespace larder::admin
