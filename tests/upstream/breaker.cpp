#include "upstream/breaker.hpp"

#include "../catch.hpp"

using namespace larder;
using namespace std::chrono_literals;
using State = upstream::Breaker::State;

namespace {

policy::MonoTime at(policy::Millis after) {
  return policy::MonoTime{1h} + after;
}

upstream::Breaker breaker(std::size_t failures = 3) {
  upstream::Breaker made;
  made.configure({failures, 1s, 8s, 16});
  return made;
}

void open(upstream::Breaker& breaker) {
  for (int i = 0; i < 3; ++i) (void)breaker.failed(at(0s), false);
  REQUIRE(breaker.state() == State::open);
}

}  // namespace

TEST_CASE("consecutive failures open the breaker; a success in between resets the count") {
  auto one = breaker();
  CHECK_FALSE(one.failed(at(0s), false));
  CHECK_FALSE(one.failed(at(0s), false));
  one.succeeded();
  CHECK_FALSE(one.failed(at(0s), false));
  CHECK_FALSE(one.failed(at(0s), false));
  CHECK(one.admits(at(0s)));
  CHECK(one.failed(at(0s), false));
  CHECK_FALSE(one.admits(at(0s)));
  CHECK(one.retry_in(at(0s)) == 1s);
}

TEST_CASE("with 0 failures configured, the breaker never opens") {
  auto never = breaker(0);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(never.failed(at(0s), false));
  CHECK(never.admits(at(0s)));
}

TEST_CASE("an open breaker admits one probe after the wait") {
  auto one = breaker();
  open(one);
  CHECK_FALSE(one.admits(at(999ms)));
  CHECK(one.admits(at(1s)));
  CHECK(one.state() == State::probing);
  CHECK_FALSE(one.admits(at(1s)));
  // A probe that hangs does not block further probes.
  CHECK(one.admits(at(2s)));
}

TEST_CASE("each failed probe doubles the wait, up to the maximum") {
  auto one = breaker();
  open(one);
  auto now = 1s;
  for (const auto wait : {2s, 4s, 8s, 8s}) {
    REQUIRE(one.admits(at(now)));
    CHECK(one.failed(at(now), false));
    CHECK_FALSE(one.admits(at(now + wait - 1ms)));
    now += wait;
  }
}

TEST_CASE("a probe whose connection is refused does not double the wait") {
  auto one = breaker();
  for (int i = 0; i < 3; ++i) (void)one.failed(at(0s), true);
  for (auto now = 1s; now < 40s; now += 1s) {
    CHECK(one.admits(at(now)));
    CHECK(one.failed(at(now), true));
    CHECK_FALSE(one.admits(at(now + 999ms)));
  }
  CHECK_FALSE(one.is_overdue(at(40s)));
  CHECK(one.is_overdue(at(41s)));
}

TEST_CASE("after a success, the load is raised step by step") {
  auto one = breaker();
  open(one);
  REQUIRE(one.admits(at(1s)));
  one.succeeded();
  CHECK(one.state() == State::recovering);
  for (const std::size_t allowed : {2u, 4u, 8u}) {
    CHECK(one.admits(at(1s)));
    CHECK(one.allowance() == allowed);
    one.succeeded();
  }
  CHECK(one.state() == State::closed);
  CHECK(one.allowance() == 16);
  // The increased wait is forgotten.
  open(one);
  CHECK(one.retry_in(at(0s)) == 1s);
}

TEST_CASE("a failure while recovering opens the breaker at once, for a longer time") {
  auto one = breaker();
  open(one);
  REQUIRE(one.admits(at(1s)));
  one.succeeded();
  CHECK(one.failed(at(1s), false));
  CHECK(one.retry_in(at(1s)) == 2s);
}

TEST_CASE("failures of requests sent before the breaker opened count once") {
  auto one = breaker();
  open(one);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(one.failed(at(500ms), false));
  CHECK(one.retry_in(at(500ms)) == 500ms);
}
