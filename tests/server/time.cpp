// What the passing of time does, on scripted connections in simulated time: expiry, refreshes, keep_warm.
#include "messages.hpp"
#include "script.hpp"

#include <spdlog/spdlog.h>

using namespace larder;
using namespace std::chrono_literals;
using test::get;
using test::response;
using test::Script;
using test::take_response;

namespace {

const std::string unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nbad";

// One route for every path, and an API that answers GET /x.
struct Timed : Script {
  explicit Timed(const std::string& route) : Script("  - {path: /**, " + route + "}\n") {
    spdlog::set_level(spdlog::level::off);
    answer(response("0"));
  }
  void answer(const std::string& bytes) { api->answers["GET /x"] = {bytes}; }
  test::Response ask(const std::string& lines = {}) {
    const auto wire = client(get("/x", lines), true);
    settle();
    const auto got = take_response(wire->from_larder);
    REQUIRE(got);
    return *got;
  }
  // One reader that asks each second for that long. Returns the number of its requests that were no hits.
  std::size_t read_for(std::chrono::seconds time) {
    std::size_t misses = 0;
    for (auto passed = 0s; passed < time; passed += 1s) {
      if (ask().head.find("Cache-Status: larder; hit") == std::string::npos) ++misses;
      settle_for(1s);
    }
    return misses;
  }
  [[nodiscard]] std::size_t fetches() const { return api->requests.size(); }
  [[nodiscard]] std::size_t kept_warm() const { return shared->cache.refresh_scheduler().size(); }
};

bool has(const test::Response& response, const std::string& text) {
  INFO(response.head);
  return response.head.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("keep_warm fetches once in a ttl, and no reader waits") {
  Timed timed("ttl: 30s, keep_warm: 10m");
  CHECK(timed.read_for(600s) == 1);  // the first request
  // A refresh is decided shortly before the expiry, so slightly more than one fetch in each ttl.
  CHECK(timed.fetches() >= 20);
  CHECK(timed.fetches() <= 24);
}

TEST_CASE("keep_warm ends when the readers have ended, and begins again with the next request") {
  Timed timed("ttl: 30s, keep_warm: 3m");
  (void)timed.read_for(120s);
  CHECK(timed.kept_warm() == 1);
  const auto before = timed.fetches();
  timed.settle_for(10min);
  CHECK(timed.kept_warm() == 0);
  const auto after = timed.fetches();
  CHECK(after - before <= 7);  // 3 minutes of a ttl of 30 s, and the one under way
  timed.settle_for(1h);
  CHECK(timed.fetches() == after);
  CHECK(has(timed.ask(), "fwd=stale"));
  CHECK(timed.kept_warm() == 1);
}

TEST_CASE("one read is no rhythm: an entry that was read once is refreshed at most twice") {
  Timed timed("ttl: 200ms, keep_warm: 1h");
  (void)timed.ask();
  timed.settle_for(2h);
  CHECK(timed.fetches() >= 2);
  CHECK(timed.fetches() <= 3);
  CHECK(timed.kept_warm() == 0);
}

TEST_CASE("a refresh of keep_warm that fails affects no reader, and the next success is served") {
  Timed timed("ttl: 30s, keep_warm: 10m, stale_if_error: 1h");
  CHECK(timed.read_for(60s) == 1);
  timed.answer(unavailable);
  for (auto passed = 0s; passed < 120s; passed += 1s) {
    CHECK(timed.ask().body == "0");
    timed.settle_for(1s);
  }
  timed.answer(response("1"));
  timed.settle_for(2min);
  (void)timed.ask();
  timed.settle();
  CHECK(timed.ask().body == "1");
}

TEST_CASE("a final response to a refresh of keep_warm supersedes what is stored") {
  Timed timed("ttl: 30s, keep_warm: 10m, stale_while_revalidate: 1h");
  (void)timed.read_for(20s);
  timed.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
  timed.settle_for(15s);
  CHECK(timed.ask().status == 404);
}

TEST_CASE("while the API fails, stale_if_error bounds how long the stored response is served") {
  Timed timed("ttl: 30s, stale_if_error: 10m");
  (void)timed.ask();
  timed.answer(unavailable);
  timed.settle_for(31s);
  const auto stale = timed.ask();
  CHECK(stale.body == "0");
  CHECK(has(stale, "detail=stale-if-error"));
  timed.settle_for(9min);
  CHECK(timed.ask().body == "0");
  timed.settle_for(1min);
  CHECK(timed.ask().status == 503);
}

TEST_CASE("an expired response is validated with its tag, and a 304 makes it fresh again") {
  Timed timed("ttl: 30s");
  timed.answer(response("0", "ETag: \"v1\"\r\n"));
  (void)timed.ask();
  timed.settle_for(31s);
  timed.answer("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n");
  const auto renewed = timed.ask();
  CHECK(renewed.body == "0");
  CHECK(has(renewed, "fwd=stale; fwd-status=304"));
  timed.settle_for(29s);
  CHECK(has(timed.ask(), "hit; ttl=1"));
  CHECK(timed.fetches() == 2);
}

TEST_CASE("a client's max-age, min-fresh and max-stale are obeyed to the second") {
  Timed timed("ttl: 30s, client_directives: obey");
  (void)timed.ask();
  timed.settle_for(20s);
  CHECK(has(timed.ask("Cache-Control: max-age=20\r\n"), "hit; ttl=10"));
  CHECK(has(timed.ask("Cache-Control: min-fresh=10\r\n"), "hit; ttl=10"));
  CHECK(timed.fetches() == 1);
  CHECK_FALSE(has(timed.ask("Cache-Control: max-age=19\r\n"), "; hit"));
  timed.settle_for(20s);
  CHECK_FALSE(has(timed.ask("Cache-Control: min-fresh=11\r\n"), "; hit"));
  CHECK(timed.fetches() == 3);
  timed.settle_for(35s);
  CHECK(has(timed.ask("Cache-Control: max-stale=10\r\n"), "hit; ttl=-5"));
  CHECK(timed.fetches() == 3);
}

TEST_CASE("under a ttl without stale_if_error an error of the API is sent") {
  Timed timed("ttl: 30s");
  (void)timed.ask();
  timed.answer(unavailable);
  CHECK(timed.ask().body == "0");
  timed.settle_for(31s);
  CHECK(timed.ask().status == 503);
}

TEST_CASE("a 304 replaces the stored fields that it has") {
  Timed timed("ttl: 30s");
  timed.answer(response("0", "ETag: \"v1\"\r\nX-Version: 1\r\n"));
  CHECK(has(timed.ask(), "X-Version: 1\r\n"));
  timed.settle_for(31s);
  timed.answer("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nX-Version: 2\r\n\r\n");
  const auto renewed = timed.ask();
  CHECK(renewed.status == 200);
  CHECK(renewed.body == "0");
  CHECK(has(renewed, "X-Version: 2\r\n"));
  CHECK(timed.api->last_head.find("If-None-Match: \"v1\"\r\n") != std::string::npos);
  CHECK(timed.ask().body == "0");
}

TEST_CASE("Last-Modified validates where the API has no tag; larder's own tag is not sent to it") {
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  Timed timed("ttl: 30s");
  timed.answer(response("0", "Last-Modified: " + date + "\r\n"));
  (void)timed.ask();
  timed.settle_for(31s);
  timed.answer("HTTP/1.1 304 Not Modified\r\nLast-Modified: " + date + "\r\n\r\n");
  CHECK(has(timed.ask(), "fwd-status=304"));
  CHECK(timed.api->last_head.find("If-Modified-Since: " + date + "\r\n") != std::string::npos);
  CHECK(timed.api->last_head.find("If-None-Match") == std::string::npos);
}

TEST_CASE("a projected response is validated with the API's tag, and keeps its own") {
  Timed timed("ttl: 30s, fields: [id]");
  const std::string fields = "ETag: \"up\"\r\nContent-Type: application/json\r\n";
  timed.answer(response(R"([{"id": 1, "fat": 2}])", fields));
  const auto tag_of = [](const test::Response& response) {
    const auto at = response.head.find("ETag: ");
    REQUIRE(at != std::string::npos);
    return response.head.substr(at, response.head.find("\r\n", at) - at);
  };
  const auto first = timed.ask();
  CHECK(first.body == R"([{"id":1}])");
  CHECK(tag_of(first) != "ETag: \"up\"");
  timed.settle_for(31s);
  timed.answer("HTTP/1.1 304 Not Modified\r\nETag: \"up\"\r\n\r\n");
  const auto renewed = timed.ask();
  CHECK(renewed.body == R"([{"id":1}])");
  CHECK(tag_of(renewed) == tag_of(first));
  CHECK(timed.api->last_head.find("If-None-Match: \"up\"\r\n") != std::string::npos);
}

TEST_CASE("a lowered ttl applies to what is stored and to what is being fetched") {
  Timed timed("ttl: 1h");
  CHECK(has(timed.ask(), "stored"));
  timed.reload("  - {path: /**, ttl: 10s}\n");
  CHECK(has(timed.ask(), "hit; ttl=10\r\n"));
  timed.settle_for(11s);
  timed.api->answers.clear();
  const auto waiting = timed.client(get("/x"), true);
  timed.settle();
  timed.reload("  - {path: /**, ttl: 5s}\n");
  timed.api->answer_late(response("1"));
  timed.settle();
  CHECK(take_response(waiting->from_larder)->body == "1");
  CHECK(has(timed.ask(), "hit; ttl=5\r\n"));
}

TEST_CASE("a lowered ttl brings the next refresh of keep_warm forward") {
  Timed timed("ttl: 1h, keep_warm: 2h");
  for (int i = 0; i < 3; ++i) {
    (void)timed.ask();
    timed.settle_for(7s);
  }
  CHECK(timed.fetches() == 1);
  timed.reload("  - {path: /**, ttl: 30s, keep_warm: 2h}\n");
  timed.settle_for(60s);
  CHECK(timed.fetches() >= 2);
  CHECK(has(timed.ask(), "; hit"));
}
