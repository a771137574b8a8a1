#include "upstream/trace.hpp"

#include "../catch.hpp"
#include "../policy/support.hpp"

#include <set>
#include <thread>

using namespace larder;
using settings::Begin;
using test::Lines;

namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent = "00f067aa0ba902b7";
const std::string good = "00-" + trace + "-" + parent + "-01";

settings::Settings rules(Begin trace_context, Begin request_id = Begin::no) {
  settings::Settings made;
  made.trace_context = trace_context;
  made.request_id = request_id;
  return made;
}

}  // namespace

// W3C Trace Context 3.2.2 and 4.3.
TEST_CASE("valid and invalid values of traceparent") {
  struct Row {
    std::string value;
    bool expected;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {good, true},
      {"00-" + trace + "-" + parent + "-00", true},
      {"00-" + trace + "-" + parent + "-ff", true},
      {"01-" + trace + "-" + parent + "-01", true},
      {"fe-" + trace + "-" + parent + "-01-", true},
      {"cc-" + trace + "-" + parent + "-01-what-comes-later", true},
      {"cc-" + trace + "-" + parent + "-01.what-comes-later", false},
      {"", false},
      {"-", false},
      {"00-" + trace + "-" + parent, false},
      {"00-" + trace + "-" + parent + "-", false},
      {"00-" + trace + "-" + parent + "-0", false},
      {good + "-", false},
      {good + "0", false},
      {good + " ", false},
      {" " + good, false},
      {"ff-" + trace + "-" + parent + "-01", false},
      {"FE-" + trace + "-" + parent + "-01", false},
      {"0x-" + trace + "-" + parent + "-01", false},
      {"00-" + std::string(32, '0') + "-" + parent + "-01", false},
      {"00-" + std::string(31, '0') + "1-" + parent + "-01", true},
      {"00-" + trace + "-" + std::string(16, '0') + "-01", false},
      {"00-" + trace + "-" + std::string(15, '0') + "1-01", true},
      {"00-" + std::string(32, 'A') + "-" + parent + "-01", false},
      {"00-" + std::string(32, 'g') + "-" + parent + "-01", false},
      {"00-" + trace + "-" + std::string(16, 'F') + "-01", false},
      {"00-" + trace + "-" + parent + "-0F", false},
      {"00_" + trace + "-" + parent + "-01", false},
      {"00-" + trace + "_" + parent + "-01", false},
      {"00-" + trace + "-" + parent + "_01", false},
      {"00-" + trace.substr(1) + "-" + parent + "0-01", false},
      {good + "," + good, false},
  }));
  CAPTURE(row.value);
  CHECK(upstream::is_traceparent(row.value) == row.expected);
}

TEST_CASE("generated identifiers are well-formed and different on every thread") {
  std::set<std::string> seen;
  const auto begin = [] {
    std::vector<std::string> made;
    for (int i = 0; i < 1000; ++i) {
      made.push_back(upstream::new_traceparent());
      made.push_back(upstream::new_request_id());
    }
    return made;
  };
  std::vector<std::string> others;
  std::thread other([&] { others = begin(); });
  auto names = begin();
  other.join();
  names.insert(names.end(), others.begin(), others.end());
  for (const auto& name : names) {
    CHECK(seen.insert(name).second);
    if (name.size() == 55)
      CHECK((upstream::is_traceparent(name) && name.starts_with("00-") && name.ends_with("-01")));
    else
      CHECK((name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string::npos));
  }
}

TEST_CASE("a request keeps its identifiers") {
  const Lines fields("Traceparent: " + good + "\nTracestate: a=1\nx-request-id: mine");
  for (const auto begin : {Begin::no, Begin::yes}) {
    const auto names = upstream::names_of(fields, rules(begin, begin));
    CHECK(names.traceparent == good);
    CHECK(names.request_id == "mine");
    CHECK_FALSE(names.began_trace);
    CHECK_FALSE(names.began_request_id);
    CHECK(names.lines().empty());
  }
}

TEST_CASE("a request without identifiers gets those that the settings enable") {
  const std::string none = GENERATE_COPY(values<std::string>(
      {"", "traceparent: nonsense\nX-Request-ID: " + std::string(129, 'x'),
       "traceparent:\nX-Request-ID:", "traceparent: " + good + "\ntraceparent: " + good}));
  const Lines fields(none);
  CAPTURE(none);

  const auto passed = upstream::names_of(fields, rules(Begin::no));
  CHECK(passed.traceparent.empty());
  CHECK(passed.request_id.empty());
  CHECK(passed.lines().empty());

  const auto traced = upstream::names_of(fields, rules(Begin::yes));
  CHECK(traced.began_trace);
  CHECK_FALSE(traced.began_request_id);
  CHECK(upstream::is_traceparent(traced.traceparent));
  CHECK(traced.lines() == "traceparent: " + traced.traceparent + "\r\n");

  const auto both = upstream::names_of(fields, rules(Begin::yes, Begin::yes));
  CHECK(both.lines() == "traceparent: " + both.traceparent + "\r\nX-Request-ID: " + both.request_id + "\r\n");
}

TEST_CASE("a request id of 128 bytes is valid") {
  const Lines fields("X-Request-ID: " + std::string(128, 'x'));
  CHECK_FALSE(upstream::names_of(fields, rules(Begin::no, Begin::yes)).began_request_id);
}

TEST_CASE("background fetches have identifiers of their own, if the settings enable them") {
  CHECK(upstream::new_names(rules(Begin::no)).lines().empty());
  const auto names = upstream::new_names(rules(Begin::yes, Begin::yes));
  CHECK(names.began_trace);
  CHECK(names.began_request_id);
}
