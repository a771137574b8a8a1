// Tests of the frames of `larder top`, made from two snapshots.
#include "admin/top.hpp"

#include "../catch.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

using namespace larder::admin;

namespace {

RouteFigures route(std::string name, double requests, double spared = 0, double answers = 0,
                   double seconds = 0) {
  RouteFigures of;
  of.name = std::move(name);
  of.requests = requests;
  of.spared = spared;
  of.upstream_requests = answers;
  of.upstream_answers = answers;
  of.upstream_seconds = seconds;
  return of;
}

Snapshot snapshot(double uptime, std::vector<RouteFigures> routes) {
  Snapshot of;
  of.version = "1";
  of.upstream = "http://api";
  of.uptime_seconds = uptime;
  for (const auto& one : routes) {
    of.total.requests += one.requests;
    of.total.spared += one.spared;
    of.total.upstream_requests += one.upstream_requests;
  }
  of.routes = std::move(routes);
  return of;
}

std::vector<std::string> lines_of(const std::string& frame) {
  std::vector<std::string> lines;
  std::istringstream in(frame);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The first word of each route's line.
std::vector<std::string> order_of(const std::string& frame) {
  std::vector<std::string> names;
  const auto lines = lines_of(frame);
  for (std::size_t i = 5; i < lines.size(); ++i) names.push_back(lines[i].substr(0, lines[i].find(' ')));
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("rates are for the time between two snapshots") {
  const auto before = snapshot(100, {route("/a", 1000, 900, 100, 200)});
  const auto now = snapshot(110, {route("/a", 1500, 1395, 105, 220)});
  const auto lines = lines_of(top_frame(before, now, Order::rate, {120, 40}));
  REQUIRE(lines.size() == 6);
  CHECK(lines[1].starts_with("50.0 requests/s, 99.0 % avoided    0.5 API requests/s"));
  CHECK(lines[4].starts_with("route "));
  // 20 s for 5 responses
  CHECK(lines[5].substr(lines[5].find(' ')) ==
        std::string(120 - 63 - 2, ' ') + "     50.0   99.0 %      0.5        0    4.0 s     0 ms     1500");
}

TEST_CASE("the first frame, and one after a restart, shows rates since the start") {
  const auto now = snapshot(10, {route("/a", 50, 40)});
  const auto first = lines_of(top_frame({}, now, Order::rate, {100, 40}));
  CHECK(first[1].starts_with("5.0 requests/s, 80.0 % avoided"));
  const auto earlier_life = snapshot(1000, {route("/a", 9000, 9000), route("/gone", 5)});
  CHECK(lines_of(top_frame(earlier_life, now, Order::rate, {100, 40})) == first);
}

TEST_CASE("routes are in the selected order, those without requests last") {
  const auto before = snapshot(0, {route("/a", 10), route("/b", 10), route("/c", 10)});
  const auto now =
      snapshot(1, {route("/a", 11, 0, 1, 9), route("/b", 19, 0, 2, 4), route("/c", 15), route("/idle", 0)});
  CHECK(order_of(top_frame(before, now, Order::rate, {100, 40})) == Names{"/b", "/c", "/a", "/idle"});
  CHECK(order_of(top_frame(before, now, Order::api_time, {100, 40})) == Names{"/a", "/b", "/c", "/idle"});
  CHECK(order_of(top_frame(before, now, Order::name, {100, 40})) == Names{"/a", "/b", "/c", "/idle"});
}

TEST_CASE("a frame fits the screen and says how many routes it omits") {
  std::vector<RouteFigures> many;
  for (int i = 0; i < 50; ++i)
    many.push_back(route("/a/rather/long/path/that/does/not/fit/" + std::to_string(i), 1));
  for (const Screen screen : {Screen{20, 3}, Screen{40, 10}, Screen{80, 24}, Screen{200, 80}}) {
    const auto lines = lines_of(top_frame({}, snapshot(1, many), Order::name, screen));
    CHECK(lines.size() <= screen.lines);
    for (const auto& line : lines) CHECK(line.size() <= screen.columns);
  }
  const auto lines = lines_of(top_frame({}, snapshot(1, many), Order::name, {80, 24}));
  CHECK(lines.back() == "... and 32 more; a taller window shows them");
}

TEST_CASE("a route's name is readable at 80 columns, if need be in place of figures") {
  const std::string index = "/workstreams/workplan-index";
  const auto lines = lines_of(top_frame({}, snapshot(1, {route(index, 1)}), Order::name, {80, 24}));
  CHECK(lines[4] == "route" + std::string(30, ' ') + "    req/s  avoided   failed API mean     wait");
  CHECK(lines[5].starts_with(index + " "));
  // The end of a path that is too long is what differs.
  const std::string path = "/organisations/{organisation}/projects/{project}/members";
  const auto cut = lines_of(top_frame({}, snapshot(1, {route(path, 1)}), Order::name, {80, 24}));
  CHECK(cut[5].starts_with("..."));
  CHECK(cut[5].find("/projects/{project}/members ") != std::string::npos);
}

TEST_CASE("control characters in names are not sent to the terminal") {
  const auto frame = top_frame({}, snapshot(1, {route("/\x1b[2J\r\n\x7f", 1)}), Order::name, {100, 40});
  CHECK(frame.find('\x1b') == std::string::npos);
  CHECK(frame.find('\r') == std::string::npos);
  CHECK(frame.find("/?[2J???") != std::string::npos);
}
