#include "upstream/admission.hpp"

#include "../catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <deque>

using namespace larder;
using namespace std::chrono_literals;
using upstream::Admission;
using upstream::Breaker;
using upstream::ConnectionSlots;
using upstream::Failure;
using upstream::FailureKind;
using upstream::Priority;

namespace {

struct Request {
  Admission::Claim claim;
  std::optional<std::variant<Admission::Permit, Failure>> entered;
  std::optional<std::optional<ConnectionSlots::Slot>> slot;

  [[nodiscard]] bool has_permit() const { return entered && entered->index() == 0; }
  [[nodiscard]] bool has_slot() const { return slot && slot->has_value(); }
  [[nodiscard]] FailureKind failure() const { return std::get<Failure>(entered.value()).kind; }
  void end() { entered.reset(); }
};

// Two loops run by one thread, with the idle connections of each. A slot represents a connection.
struct Loops {
  Admission admission;
  settings::Upstream upstream;
  Loop first{0, 4096, Millis{10}};
  Loop second{1, 4096, Millis{10}};
  std::deque<ConnectionSlots::Slot> idle_of_first;
  ConnectionSlots::Idle first_idle{admission.slots(), first, [this] {
                                     while (first_idle.take_claimed()) idle_of_first.pop_front();
                                   }};
  ConnectionSlots::Idle second_idle{admission.slots(), second, [] {}};

  explicit Loops(std::size_t connections) {
    upstream.connections = connections;
    upstream.background_connections = connections;
    upstream.queue = 10;
    configure();
  }
  void configure() { admission.configure(upstream); }

  void enter(Loop& loop, Request& request, Millis timeout = 1h) {
    asio::co_spawn(
        loop.executor(),
        [&, timeout]() -> Task<void> {
          request.entered.emplace(co_await admission.enter(loop, request.claim, timeout));
        },
        asio::detached);
    turn();
  }
  void take_slot(Loop& loop, ConnectionSlots::Idle& own, Request& request) {
    asio::co_spawn(
        loop.executor(),
        [&]() -> Task<void> { request.slot.emplace(co_await admission.slots().acquire(loop, own, 1h)); },
        asio::detached);
    turn();
  }
  void turn() {
    for (bool again = true; again;) {
      again = false;
      for (auto* loop : {&first, &second}) {
        loop->io().restart();
        while (loop->io().poll() != 0) again = true;
      }
    }
  }
};

}  // namespace

TEST_CASE("the number of requests under way on all loops is at most upstream.connections") {
  Loops loops(2);
  std::array<Request, 4> requests;
  loops.enter(loops.first, requests[0]);
  loops.enter(loops.second, requests[1]);
  loops.enter(loops.second, requests[2]);
  loops.enter(loops.first, requests[3]);
  CHECK(requests[1].has_permit());
  CHECK_FALSE(requests[2].entered);
  SECTION("when one ends, the first in the queue starts, on any loop") {
    requests[0].end();
    loops.turn();
    CHECK(requests[2].has_permit());
    CHECK_FALSE(requests[3].entered);
    requests[1].end();
    loops.turn();
    CHECK(requests[3].has_permit());
  }
  SECTION("with more connections, more requests start") {
    loops.upstream.connections = 4;
    loops.configure();
    loops.turn();
    CHECK(requests[2].has_permit());
    CHECK(requests[3].has_permit());
  }
  SECTION("close ends all waits") {
    loops.admission.close();
    loops.turn();
    CHECK(requests[2].failure() == FailureKind::shutting_down);
    CHECK(requests[3].failure() == FailureKind::shutting_down);
    Request late;
    loops.enter(loops.first, late);
    CHECK(late.failure() == FailureKind::shutting_down);
  }
}

TEST_CASE("a request with a waiting client is admitted before background fetches") {
  Loops loops(1);
  std::array<Request, 4> requests;
  requests[1].claim.priority = Priority::background;
  requests[2].claim.priority = Priority::background;
  for (auto& request : requests) loops.enter(loops.first, request);
  SECTION("without a client they come last") {
    requests[0].end();
    loops.turn();
    CHECK(requests[3].has_permit());
    CHECK_FALSE(requests[1].entered);
  }
  SECTION("once a client waits for one of them, it is a foreground request") {
    loops.admission.promote(requests[2].claim);
    requests[0].end();
    loops.turn();
    CHECK(requests[3].has_permit());
    requests[3].end();
    loops.turn();
    CHECK(requests[2].has_permit());
    CHECK_FALSE(requests[1].entered);
  }
}

TEST_CASE("background fetches leave connections for requests with a waiting client") {
  Loops loops(3);
  loops.upstream.background_connections = 1;
  loops.configure();
  std::array<Request, 3> requests;
  requests[0].claim.priority = requests[1].claim.priority = Priority::background;
  for (auto& request : requests) loops.enter(loops.first, request);
  CHECK(requests[0].has_permit());
  CHECK_FALSE(requests[1].entered);
  CHECK(requests[2].has_permit());
}

TEST_CASE("the queue and the wait in it are limited") {
  Loops loops(1);
  loops.upstream.queue = 1;
  loops.configure();
  std::array<Request, 3> requests;
  loops.enter(loops.first, requests[0]);
  loops.enter(loops.first, requests[1], 1ms);
  loops.enter(loops.second, requests[2]);
  CHECK(requests[2].failure() == FailureKind::queue_full);
  while (!requests[1].entered) loops.turn();
  CHECK(requests[1].failure() == FailureKind::queue_timeout);
  Request next;
  loops.enter(loops.first, next);
  requests[0].end();
  loops.turn();
  CHECK(next.has_permit());
}

TEST_CASE("failures on any loop open the circuit breaker for all of them") {
  Loops loops(1);
  loops.upstream.breaker_failures = 3;
  loops.upstream.breaker_wait = 1h;
  loops.configure();
  std::array<Request, 2> requests;
  loops.enter(loops.first, requests[0]);
  loops.enter(loops.second, requests[1]);
  const Failure closed{FailureKind::closed_early, {}, {}};
  CHECK(loops.admission.failed(closed, 1, system_now().mono).after == Breaker::State::closed);
  CHECK(loops.admission.responded(200, 1, system_now().mono).after == Breaker::State::closed);
  for (std::size_t target : {1, 2})
    CHECK(loops.admission.failed(closed, target, system_now().mono).after == Breaker::State::closed);
  const auto change = loops.admission.failed(closed, 3, system_now().mono);
  CHECK(change.before == Breaker::State::closed);
  CHECK(change.after == Breaker::State::open);
  loops.turn();
  CHECK(requests[1].failure() == FailureKind::breaker_open);
  Request late;
  loops.enter(loops.second, late);
  CHECK(late.failure() == FailureKind::breaker_open);
}

TEST_CASE("failures by larder's own limits, and 503s of one target, do not open the circuit breaker") {
  Loops loops(1);
  loops.upstream.breaker_failures = 2;
  loops.configure();
  for (int i = 0; i < 5; ++i) {
    (void)loops.admission.failed({FailureKind::queue_full, {}, {}}, 6, system_now().mono);
    CHECK(loops.admission.responded(503, 7, system_now().mono).after == Breaker::State::closed);
    const Failure late{FailureKind::first_byte_timeout, {}, {}};
    CHECK(loops.admission.failed(late, 7, system_now().mono).after == Breaker::State::closed);
    // A success elsewhere does not make the broken target count again.
    CHECK(loops.admission.responded(200, 1, system_now().mono).after == Breaker::State::closed);
    CHECK(loops.admission.responded(503, 7, system_now().mono).after == Breaker::State::closed);
  }
  CHECK(loops.admission.responded(503, 9, system_now().mono).after == Breaker::State::closed);
  CHECK(loops.admission.responded(503, 8, system_now().mono).after == Breaker::State::open);
}

TEST_CASE("connections that are refused count each, and a broken target is not the first probe") {
  Loops loops(1);
  loops.upstream.breaker_failures = 3;
  loops.upstream.breaker_wait = 1ms;
  loops.configure();
  CHECK(loops.admission.responded(503, 7, system_now().mono).after == Breaker::State::closed);
  const Failure refused{FailureKind::connect_failed, {}, {}};
  CHECK(loops.admission.failed(refused, 1, system_now().mono).after == Breaker::State::closed);
  CHECK(loops.admission.failed(refused, 1, system_now().mono + 1h).after == Breaker::State::open);
  Request broken;
  broken.claim.target = 7;
  loops.enter(loops.first, broken);
  CHECK(broken.failure() == FailureKind::breaker_open);
}

TEST_CASE("if idle connections of another loop hold all slots, one of them is closed") {
  Loops loops(2);
  std::array<Request, 3> requests;
  for (int i = 0; i < 2; ++i) {
    loops.take_slot(loops.first, loops.first_idle, requests[0]);
    loops.idle_of_first.push_back(std::move(**requests[0].slot));
    REQUIRE(loops.first_idle.add());
  }
  loops.take_slot(loops.second, loops.second_idle, requests[1]);
  CHECK(requests[1].has_slot());
  CHECK(loops.idle_of_first.size() == 1);
  SECTION("a connection of the same loop is claimed first") {
    loops.take_slot(loops.first, loops.first_idle, requests[2]);
    CHECK(requests[2].has_slot());
    CHECK(loops.idle_of_first.empty());
    CHECK_FALSE(loops.first_idle.take());
  }
  SECTION("a claimed connection is not used for a request") {
    asio::co_spawn(
        loops.second.executor(),
        [&]() -> Task<void> {
          requests[2].slot.emplace(
              co_await loops.admission.slots().acquire(loops.second, loops.second_idle, 1h));
        },
        asio::detached);
    (void)loops.second.io().poll();
    CHECK_FALSE(loops.first_idle.take());
    // It expires before it is closed on behalf of the other loop.
    loops.first_idle.remove();
    loops.idle_of_first.clear();
    loops.turn();
    CHECK(requests[2].has_slot());
  }
}

TEST_CASE("a connection that is released while another loop waits for a slot is closed") {
  Loops loops(1);
  std::array<Request, 2> requests;
  loops.take_slot(loops.first, loops.first_idle, requests[0]);
  loops.take_slot(loops.second, loops.second_idle, requests[1]);
  CHECK_FALSE(requests[1].slot);
  CHECK_FALSE(loops.first_idle.add());
  requests[0].slot.reset();
  loops.turn();
  CHECK(requests[1].has_slot());
}
