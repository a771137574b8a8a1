// The request path from a client's bytes to its response, on scripted connections in simulated time.
#include "messages.hpp"
#include "script.hpp"

#include <spdlog/spdlog.h>

using namespace larder;
using namespace std::chrono_literals;
using test::get;
using test::response;
using test::Script;
using test::Steps;
using test::take_response;

namespace {

constexpr auto patience = 3min;  // longer than every time-out of a request

// Whoever has waited is gone, and nothing is left of it.
void check_at_rest(Script& script) {
  const auto& counters = script.counters();
  CHECK(counters.fills_running.value() == 0);
  CHECK(counters.fill_waiters.value() == 0);
  CHECK(counters.upstream_busy.value() == 0);
  CHECK(counters.upstream_queue.value() == 0);
}

// A conversation of one client, and what the API says.
struct Conversation {
  std::string name;
  std::string routes;
  std::vector<std::pair<std::string, test::ScriptedConnector::Answer>> answers;
  std::vector<std::string> requests;  // one after another, on one connection while it lasts
  std::vector<std::string> bodies;    // of the responses, where nothing fails
  std::string without_memory =
      {};  // also right, where an allocation fails: nothing is lost but the projection
};

std::vector<Conversation> conversations() {
  const std::string ttl = "  - {path: /**, ttl: 1m}\n";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  const std::string list = R"([{"id":1,"more":2}])";
  const std::string json = "Content-Type: application/json\r\n";
  const std::string post =
      "POST /x HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
  return {
      {"a miss and a hit", ttl, {{"GET /x", {response("one")}}}, {get("/x"), get("/x")}, {"one", "one"}},
      {"a chunked response that is stored",
       ttl,
       {{"GET /x", {chunked}}},
       {get("/x"), get("/x")},
       {"abcde", "abcde"}},
      {"a response that ends with its connection",
       ttl,
       {{"GET /x", {"HTTP/1.1 200 OK\r\n\r\nto the end", true}}},
       {get("/x"), get("/x")},
       {"to the end", "to the end"}},
      {"a response that must not be shared",
       ttl,
       {{"GET /x", {response("mine", "Set-Cookie: a=b\r\n")}}},
       {get("/x"), get("/x")},
       {"mine", "mine"}},
      {"a projection",
       "  - {path: /**, ttl: 1m, fields: [id]}\n",
       {{"GET /x", {response(list, json)}}},
       {get("/x"), get("/x")},
       {R"([{"id":1}])", R"([{"id":1}])"},
       list},
      {"a pass-through with a body",
       "  - {path: /**, cache: off}\n",
       {{"POST /x", {chunked}}},
       {post, post},
       {"abcde", "abcde"}},
      {"an interim response",
       ttl,
       {{"GET /x", {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response("one")}}},
       {get("/x")},
       {"one"}},
      {"a part",
       ttl,
       {{"GET /x", {response("0123456789")}}},
       {get("/x"), get("/x", "Range: bytes=2-4\r\n")},
       {"0123456789", "234"}},
  };
}

// Sends the requests, each on a new connection where the last one has ended. Returns the bodies of the
// complete responses with status 200 or 206; the others are left out.
std::vector<std::string> converse(Script& script, const Conversation& what) {
  std::vector<std::string> bodies;
  std::shared_ptr<test::Wire> wire;
  for (const auto& request : what.requests) {
    if (wire && !wire->is_closed)
      script.send(*wire, request);
    else
      wire = script.client(request);
    // A wait that fails leaves what only time ends.
    for (int i = 0; i < 2 && wire->from_larder.empty() && !wire->is_closed; ++i) {
      script.settle();
      if (i == 0 && wire->from_larder.empty() && !wire->is_closed) script.settle_for(patience);
    }
    script.settle();
    auto& bytes = wire->from_larder;
    while (bytes.starts_with("HTTP/1.1 1")) bytes.erase(0, bytes.find("\r\n\r\n") + 4);
    const auto got = take_response(bytes);
    if (got && (got->status == 200 || got->status == 206)) bodies.push_back(got->body);
    // Whatever is not complete must look incomplete.
    if (!got) CHECK(wire->is_closed);
    bytes.clear();
  }
  wire->ends = true;
  script.send(*wire, "");
  script.settle_for(patience);
  return bodies;
}

void check_answers_afterwards(Script& script, const Conversation& what) {
  Conversation clean = what;
  // A circuit breaker that the failure has opened closes again.
  script.settle_for(1min);
  CHECK(converse(script, clean) == what.bodies);
  check_at_rest(script);
}

void prepare(Script& script, const Conversation& what) {
  for (const auto& [line, answer] : what.answers) script.api->answers[line] = answer;
}

}  // namespace

TEST_CASE("conversations succeed on scripted connections") {
  for (const auto& what : conversations()) {
    INFO(what.name);
    Script script(what.routes);
    prepare(script, what);
    CHECK(converse(script, what) == what.bodies);
    check_at_rest(script);
  }
}

TEST_CASE("a failure at any step of a connection costs that connection only") {
  spdlog::set_level(spdlog::level::off);
  for (const auto& what : conversations()) {
    std::size_t failures = 0;
    for (std::size_t n = 1;; ++n) {
      INFO(what.name << ", step " << n);
      Script script(what.routes);
      prepare(script, what);
      Steps steps(n);
      script.steps = &steps;
      const auto bodies = converse(script, what);
      // A response is the right one, or there is none.
      for (const auto& body : bodies)
        CHECK(std::find(what.bodies.begin(), what.bodies.end(), body) != what.bodies.end());
      check_at_rest(script);
      CHECK(script.counters().task_failures.value() == 0);
      const bool has_failed = steps.has_failed();
      steps.stop();
      check_answers_afterwards(script, what);
      if (!has_failed) break;
      ++failures;
    }
    INFO(what.name);
    CHECK(failures >= 5);
  }
}

TEST_CASE("a failed allocation costs its request only") {
  spdlog::set_level(spdlog::level::off);
  for (const auto& what : conversations()) {
    std::size_t failures = 0;
    for (std::size_t n = 1;; ++n) {
      INFO(what.name << ", allocation " << n);
      Script script(what.routes);
      prepare(script, what);
      script.allocations_left = n;
      const auto bodies = converse(script, what);
      const bool has_failed = script.allocations_left == 0;
      script.allocations_left = 0;
      for (const auto& body : bodies)
        CHECK((std::find(what.bodies.begin(), what.bodies.end(), body) != what.bodies.end() ||
               body == what.without_memory));
      check_at_rest(script);
      check_answers_afterwards(script, what);
      if (!has_failed) break;
      ++failures;
    }
    INFO(what.name);
    CHECK(failures >= 20);
  }
}

TEST_CASE("an API that never answers costs a 504, and leaves nothing behind") {
  spdlog::set_level(spdlog::level::off);
  for (const std::string routes : {"  - {path: /**, ttl: 1m}\n", "  - {path: /**, cache: off}\n"}) {
    INFO(routes);
    Script script(routes);
    const auto first = script.client(get("/x"));
    const auto second = script.client(get("/x"));
    script.settle();
    CHECK(first->from_larder.empty());
    script.settle_for(patience);
    for (const auto& wire : {first, second}) {
      const auto got = take_response(wire->from_larder);
      REQUIRE(got);
      CHECK(got->status == 504);
    }
    check_at_rest(script);
  }
}

TEST_CASE("a connection that has to write before it can be read from is served") {
  Script script("  - {path: /**, ttl: 1m}\n");
  script.api->answers["GET /x"] = {response("x")};
  const auto wire = script.client(get("/x"), true, 3);
  script.settle();
  const auto got = take_response(wire->from_larder);
  REQUIRE(got);
  CHECK(got->body == "x");
}

TEST_CASE("in simulated time a response is fresh, then stale, then fetched again") {
  Script script("  - {path: /**, ttl: 1m, stale_while_revalidate: 1m}\n");
  script.api->answers["GET /x"] = {response("old")};
  const auto ask = [&] {
    const auto wire = script.client(get("/x"), true);
    script.settle();
    const auto got = take_response(wire->from_larder);
    REQUIRE(got);
    return *got;
  };
  CHECK(ask().body == "old");
  script.api->answers["GET /x"] = {response("new")};
  script.settle_for(59s);
  CHECK(ask().head.find("Cache-Status: larder; hit; ttl=1\r\n") != std::string::npos);
  script.settle_for(2s);
  const auto stale = ask();
  CHECK(stale.body == "old");
  CHECK(stale.head.find("ttl=-1; detail=stale-while-revalidate") != std::string::npos);
  CHECK(ask().body == "new");
  CHECK(script.api->requests.size() == 2);
  script.settle_for(1h);
  CHECK(ask().head.find("fwd=stale") != std::string::npos);
  CHECK(script.api->requests.size() == 3);
}

TEST_CASE("a connection to an address that the API's name no longer has is not used again") {
  Script script("  - {path: /**, cache: off}\n");
  script.api->answers["GET /x"] = {response("x")};
  const auto ask = [&] {
    const auto wire = script.client(get("/x"), true);
    script.settle();
    const auto got = take_response(wire->from_larder);
    REQUIRE(got);
    CHECK(got->status == 200);
  };
  ask();
  ask();
  CHECK(script.api->connects == 1);
  script.api->version = 1;  // while the connection is idle
  ask();
  CHECK(script.api->connects == 2);  // a new connection is of version 0 until it is compared
  ask();
  CHECK(script.api->connects == 3);
}

// Design, invariant 5.
TEST_CASE("a write that may have reached the API invalidates, whatever step of it fails") {
  spdlog::set_level(spdlog::level::off);
  for (std::size_t n = 1;; ++n) {
    INFO("step " << n);
    Script script("  - {path: /**, ttl: 1h}\n");
    // No idle connection is left, on which the write would be tried a second time.
    script.api->answers["GET /x"] = {response("old", "Connection: close\r\n")};
    script.api->answers["DELETE /x"] = {"HTTP/1.1 204 No Content\r\n\r\n"};
    (void)script.client(get("/x"), true);
    script.settle();
    Steps steps(n);
    script.steps = &steps;
    const auto writer = script.client("DELETE /x HTTP/1.1\r\nHost: api\r\n\r\n");
    script.settle_for(patience);
    const bool has_failed = steps.has_failed();
    steps.stop();
    script.api->answers["GET /x"] = {response("new")};
    const auto& requests = script.api->requests;
    const bool has_arrived = std::find(requests.begin(), requests.end(), "DELETE /x") != requests.end();
    script.settle_for(1min);
    const auto reader = script.client(get("/x"), true);
    script.settle_for(patience);
    const auto got = take_response(reader->from_larder);
    REQUIRE(got);
    if (has_arrived) CHECK(got->body == "new");
    if (!has_failed) break;
  }
}
