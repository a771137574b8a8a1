#include "admin/history.hpp"

#include "../catch.hpp"

#include <simdjson.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

using namespace larder;
using namespace std::chrono_literals;
using admin::History;
using admin::RouteTotals;

namespace {

using Totals = std::map<std::string, RouteTotals>;
using Values = std::vector<std::optional<double>>;

// The time after that number of shortest steps.
policy::MonoTime at(int steps) {
  return policy::MonoTime{1h} + steps * History::shortest;
}

RouteTotals totals(double hits, double misses = 0, double upstream_seconds = 0, double waited = 0) {
  RouteTotals made;
  made.outcomes[static_cast<std::size_t>(policy::OutcomeLabel::hit)] = hits;
  made.outcomes[static_cast<std::size_t>(policy::OutcomeLabel::miss)] = misses;
  made.upstream_requests = misses;
  made.upstream.counts[0] = misses;
  made.upstream.sum = upstream_seconds;
  made.waits.counts[0] = misses;
  made.waits.sum = waited;
  return made;
}

// The values of the list of that name for that route; nullopt stands for null.
Values shown(const std::string& json, std::string_view route, const char* name) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  Values values;
  const simdjson::dom::array routes = root["routes"];
  for (const auto one : routes) {
    if (one["route"].get_string().value() != route) continue;
    const simdjson::dom::array list = one[name];
    for (const auto value : list) {
      if (value.is_null())
        values.emplace_back();
      else
        values.emplace_back(value.get_double().value());
    }
  }
  return values;
}

double sum(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [](double total, const auto& value) { return total + value.value_or(0); });
}

double seconds_of(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  return root["step_seconds"].get_double().value();
}

}  // namespace

TEST_CASE("before the first call of note there is only the current step") {
  const History history;
  CHECK(shown(history.json({{"/a", totals(3, 1)}}), "/a", "requests") == Values{4});
  CHECK(history.json({}) == R"({"step_seconds":1,"routes":[]})");
}

TEST_CASE("each step, and the current one, has the growth of the totals") {
  History history;
  history.note({{"/a", totals(100)}}, at(0));  // the baseline: earlier requests do not count
  history.note({{"/a", totals(110, 10)}}, at(1));
  history.note({{"/a", totals(110, 10)}}, at(2));
  const auto json = history.json({{"/a", totals(115, 12)}});
  CHECK(shown(json, "/a", "requests") == Values{20, 0, 7});
  CHECK(shown(json, "/a", "spared") == Values{10, 0, 5});
}

TEST_CASE("means are per step, and null in steps without requests") {
  History history;
  history.note({}, at(0));
  history.note({{"/a", totals(9, 1, 2, 5)}}, at(1));
  history.note({{"/a", totals(9, 1, 2, 5)}}, at(2));
  const auto json = history.json({{"/a", totals(9, 3, 3, 6)}});
  CHECK(shown(json, "/a", "api") == Values{2, std::nullopt, 0.5});
  CHECK(shown(json, "/a", "wait") == Values{0.5, std::nullopt, 0.5});
}

TEST_CASE("a call of note within the same step has no effect") {
  History history;
  history.note({{"/a", totals(0)}}, at(0));
  history.note({{"/a", totals(5)}}, at(1) - 1ms);
  CHECK(shown(history.json({{"/a", totals(7)}}), "/a", "requests") == Values{7});
}

TEST_CASE("a route that appears later has empty steps before, and all lists have the same length") {
  History history;
  history.note({{"/a", totals(0)}}, at(0));
  history.note({{"/a", totals(1)}}, at(1));
  history.note({{"/a", totals(2)}, {"/b", totals(5)}}, at(2));
  const auto json = history.json({{"/a", totals(2)}, {"/b", totals(6)}, {"/c", totals(8)}});
  CHECK(shown(json, "/a", "requests") == Values{1, 1, 0});
  CHECK(shown(json, "/b", "requests") == Values{0, 5, 1});
  CHECK(shown(json, "/c", "requests") == Values{0, 0, 8});
  for (const auto* name : {"requests", "spared", "api", "wait"}) CHECK(shown(json, "/b", name).size() == 3);
}

TEST_CASE("a removed route is not shown") {
  History history;
  history.note({{"/a", totals(0)}}, at(0));
  history.note({{"/a", totals(4)}}, at(1));
  history.note({}, at(2));
  CHECK(shown(history.json({}), "/a", "requests").empty());
}

TEST_CASE("steps get longer with time, and nothing is lost or counted twice") {
  History history;
  Totals now{{"/old", totals(0)}};
  history.note(now, at(0));
  constexpr int window = static_cast<int>(History::steps) * 16;
  constexpr int late = 18'000;
  for (int second = 1; second <= 20'000; ++second) {
    now["/old"] = totals(second);
    if (second > late) now["/young"] = totals(second - late);
    history.note(now, at(second));
    const bool looks = second < 10 || second % 97 == 0 || second % 240 < 2;
    if (!looks) continue;
    const auto json = history.json(now);
    const auto step = seconds_of(json);
    CAPTURE(second, step);
    auto old = shown(json, "/old", "requests");
    CHECK(old.size() <= History::steps + 1);
    CHECK(sum(old) >= std::min(second, window));
    CHECK(sum(old) < std::min(second, window) + 16.0);
    old.pop_back();
    CHECK(std::all_of(old.begin(), old.end(), [&](const auto& value) { return *value == step; }));
    if (second > late) {
      CHECK(sum(shown(json, "/young", "requests")) == second - late);
      CHECK(shown(json, "/young", "requests").size() == old.size() + 1);
    }
  }
  CHECK(seconds_of(history.json(now)) == 16);
}

TEST_CASE("the number of routes is limited") {
  History history;
  Totals now;
  for (std::size_t i = 0; i < 3 * History::routes; ++i) now["/" + std::to_string(i)] = totals(0);
  history.note(now, at(0));
  for (auto& [name, its] : now) its = totals(1);
  history.note(now, at(1));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto json = history.json(now);
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  CHECK(root["routes"].get_array().value().size() == History::routes);
}

TEST_CASE("of many routes, those with requests are shown") {
  History history;
  Totals now;
  for (std::size_t i = 0; i < 3 * History::routes; ++i) now["/" + std::to_string(i)] = totals(0);
  now["/z"] = totals(0);
  history.note(now, at(0));
  now["/z"] = totals(7);
  history.note(now, at(1));
  CHECK(shown(history.json(now), "/z", "requests") == Values{7, 0});
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto json = history.json(now);
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  CHECK(root["routes"].get_array().value().size() == History::routes);
}

TEST_CASE("routes without requests for an hour are replaced by others") {
  History history;
  Totals now;
  history.note(now, at(0));
  for (std::size_t i = 0; i < History::routes; ++i) now["/" + std::to_string(i)] = totals(1);
  history.note(now, at(1));
  now["/z"] = totals(3);
  history.note(now, at(2));
  CHECK(shown(history.json(now), "/z", "requests").empty());
  constexpr int later = 8000;  // seconds, more than two hours
  for (int second = 3; second <= later; ++second) history.note(now, at(second));
  now["/z"] = totals(10);
  history.note(now, at(later + 16));
  CHECK(sum(shown(history.json(now), "/z", "requests")) == 7);
}

TEST_CASE("a route name is escaped in JSON") {
  History history;
  const std::string name = "/\"}],\\\n<script>\x01\xff";
  const auto json = history.json({{name, totals(1)}});
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  CHECK(root["routes"].at(0)["route"].get_string().value() == "/\"}],\\\n<script>\x01\xEF\xBF\xBD");
}

TEST_CASE("failures are counted in their step, also where no response arrived") {
  History history;
  history.note({{"/t", totals(0)}}, at(0));
  auto failed = totals(0);
  failed.upstream_errors = 3;
  history.note({{"/t", failed}}, at(1));
  history.note({{"/t", failed}}, at(2));
  CHECK(shown(history.json({{"/t", failed}}), "/t", "failed") == Values{3.0, 0.0, 0.0});
  CHECK(shown(history.json({{"/t", failed}}), "/t", "api") ==
        Values{std::nullopt, std::nullopt, std::nullopt});
}
