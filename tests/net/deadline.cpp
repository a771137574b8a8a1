#include "net/deadline.hpp"

#include "../catch.hpp"

#include <memory>

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
