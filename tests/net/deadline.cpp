#include "net/deadline.hpp"

#include "../catch.hpp"

#include <memory>
#include <vector>

using namespace larder;
using namespace std::chrono_literals;

namespace {

struct Sweep {
  boost::asio::io_context io;
  Sweeper sweeper{io, 1ms};
  Sweep() { sweeper.start(); }
  // Runs until the condition holds; the sweep itself is the only thing that moves.
  template <class Condition>
  void until(Condition condition) {
    while (!condition()) io.run_one();
  }
};

}  // namespace

TEST_CASE("a deadline fires once, and those that are cleared or set later do not") {
  Sweep sweep;
  int fired = 0;
  int others = 0;
  Deadline due(sweep.sweeper, [&] { ++fired; });
  Deadline cleared(sweep.sweeper, [&] { ++others; });
  Deadline later(sweep.sweeper, [&] { ++others; });
  due.set(2ms);
  cleared.set(1ms);
  cleared.clear();
  later.set(1h);
  sweep.until([&] { return fired > 0; });
  CHECK(due.expired());
  Deadline second(sweep.sweeper, [&] { ++fired; });
  second.set(2ms);
  sweep.until([&] { return fired > 1; });
  CHECK(fired == 2);
  CHECK(others == 0);
  due.set(1h);
  CHECK_FALSE(due.expired());
}

TEST_CASE("a deadline may destroy itself and its neighbours while it fires") {
  Sweep sweep;
  auto first = std::make_unique<Deadline>(sweep.sweeper, [] {});
  auto last = std::make_unique<Deadline>(sweep.sweeper, [] {});
  bool fired = false;
  Deadline middle(sweep.sweeper, [&] {
    first.reset();
    last.reset();
    fired = true;
  });
  first->set(1h);
  last->set(1h);
  middle.set(1ms);
  sweep.until([&] { return fired; });
  CHECK(first == nullptr);
}

namespace {

// A wheel in simulated time: `at` sweeps as the timer would, every resolution.
struct Simulated {
  boost::asio::io_context io;
  Sweeper sweeper{io, 10ms};
  Sweeper::Time begin = std::chrono::steady_clock::now();
  Millis swept{0};
  void until(Millis time) {
    for (; swept < time; swept += 10ms) sweeper.sweep(begin + swept + 10ms);
  }
};

}  // namespace

TEST_CASE("a deadline never fires early, and at most three resolutions after its time") {
  Simulated time;
  time.until(10ms);
  for (const auto after : {0ms, 1ms, 9ms, 10ms, 11ms, 495ms, 5110ms, 5120ms, 5130ms, 60'000ms}) {
    bool fired = false;
    Deadline deadline(time.sweeper, [&] { fired = true; });
    const auto set_at = time.swept;
    deadline.set(after);
    while (!fired && time.swept < set_at + after + 100ms) time.until(time.swept + 10ms);
    CAPTURE(after.count());
    CHECK(fired);
    CHECK(time.swept >= set_at + after);
    CHECK(time.swept <= set_at + after + 30ms);
  }
}

TEST_CASE("a deadline that is set to an earlier time fires then") {
  Simulated time;
  int fired = 0;
  Deadline deadline(time.sweeper, [&] { ++fired; });
  deadline.set(1h);
  time.until(50ms);
  deadline.set(20ms);
  time.until(100ms);
  CHECK(fired == 1);
  deadline.set(20ms);
  deadline.set(1h);
  time.until(1000ms);
  CHECK(fired == 1);
}

TEST_CASE("a sweep looks only at the deadlines whose slot has come") {
  Simulated time;
  std::vector<std::unique_ptr<Deadline>> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(std::make_unique<Deadline>(time.sweeper, [] {}));
    many.back()->set(75s);
  }
  time.until(1000ms);
  // Requests come and go meanwhile.
  for (auto& one : many) {
    one->clear();
    one->set(75s);
  }
  const auto before = time.sweeper.visits();
  time.until(61'000ms);
  // A minute is 6,000 sweeps; the wheel of 512 slots is passed 12 times.
  CHECK(time.sweeper.visits() - before <= 13 * many.size());
}

TEST_CASE("another resolution leaves the times of deadlines as they are") {
  Simulated time;
  int fired = 0;
  Deadline deadline(time.sweeper, [&] { ++fired; });
  Deadline cleared(time.sweeper, [&] { fired += 100; });
  deadline.set(200ms);
  cleared.set(100ms);
  cleared.clear();
  time.until(100ms);
  time.sweeper.set_resolution(50ms);
  time.until(190ms);
  CHECK(fired == 0);
  time.until(400ms);
  CHECK(fired == 1);
}

TEST_CASE("after a long pause every deadline that came due meanwhile fires in one sweep") {
  Simulated time;
  int fired = 0;
  std::vector<std::unique_ptr<Deadline>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<Deadline>(time.sweeper, [&] { ++fired; }));
    many.back()->set(i * 97ms);
  }
  time.sweeper.sweep(time.begin + 1h);
  CHECK(fired == 100);
}
