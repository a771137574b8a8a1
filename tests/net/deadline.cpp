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
  // Runs until the condition holds. Only the sweep is active.
  template <class Condition>
  void until(Condition condition) {
    while (!condition()) io.run_one();
  }
};

}  // namespace

TEST_CASE("a deadline fires once, and not if it was cleared or postponed") {
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

// A wheel in simulated time: `at` sweeps every resolution, like the timer.
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

TEST_CASE("a deadline that is set to an earlier time fires at that time") {
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

TEST_CASE("a sweep visits only the deadlines in slots that are due") {
  Simulated time;
  std::vector<std::unique_ptr<Deadline>> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(std::make_unique<Deadline>(time.sweeper, [] {}));
    many.back()->set(75s);
  }
  time.until(1000ms);
  // Meanwhile requests set and clear deadlines.
  for (auto& one : many) {
    one->clear();
    one->set(75s);
  }
  const auto before = time.sweeper.visits();
  time.until(61'000ms);
  // A minute has 6,000 sweeps, about 12 turns of the wheel with its 512 slots.
  CHECK(time.sweeper.visits() - before <= 13 * many.size());
}

TEST_CASE("changing the resolution does not change the times of deadlines") {
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

TEST_CASE("after a long pause, all deadlines that are due fire in one sweep") {
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
