// The Admission when an allocation fails: nothing remains queued, granted or counted.
#include "../catch.hpp"
#include "../failing_allocation.hpp"
#include "upstream/admission.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace larder;
using namespace std::chrono_literals;
using test::FailingAllocation;
using upstream::Admission;
using upstream::ConnectionSlots;
using upstream::Priority;

namespace {

// One loop, and an Admission of one request at a time.
struct Tested {
  Admission admission;
  Loop loop{0, 4096, Millis{10}};
  std::size_t closed = 0;  // claimed connections
  ConnectionSlots::Idle idle{admission.slots(), loop, [this] {
                               while (idle.take_claimed()) ++closed;
                             }};
  std::optional<Admission::Permit> permit;
  std::optional<ConnectionSlots::Slot> slot;
  bool has_failed = false;
  bool is_out_of_memory = false;  // an exception ended the task

  Tested() {
    settings::Upstream upstream;
    upstream.connections = 1;
    upstream.queue = 10;
    admission.configure(upstream);
  }
  // Runs `task` until it waits or ends, with a failure at its n-th allocation; 0 = none.
  template <class TaskOf>
  void run(std::size_t n, TaskOf task) {
    is_out_of_memory = false;
    asio::co_spawn(
        loop.executor(),
        [this, n, task]() -> Task<void> {
          std::optional<FailingAllocation> failing;
          if (n != 0) failing.emplace(n);
          try {
            co_await task();
          } catch (const std::bad_alloc&) {
            is_out_of_memory = true;
          }
        },
        asio::detached);
    turn();
    has_failed = n != 0 && FailingAllocation::has_failed();
    const FailingAllocation none(0);
  }
  void turn() {
    loop.io().restart();
    for (bool again = true; again;) {
      try {
        again = loop.io().poll() != 0;
      } catch (const std::bad_alloc&) {  // an operation could not be started: Asio destroys the coroutine
        is_out_of_memory = true;
      }
    }
  }
  auto enter(Priority priority = Priority::foreground) {
    return [this, priority]() -> Task<void> {
      Admission::Claim claim{priority};
      auto entered = co_await admission.enter(loop, claim, 1h);
      if (auto* granted = std::get_if<Admission::Permit>(&entered)) permit.emplace(std::move(*granted));
    };
  }
  auto take_slot() {
    return [this]() -> Task<void> {
      if (auto taken = co_await admission.slots().acquire(loop, idle, 1h)) slot.emplace(std::move(*taken));
    };
  }
};

}  // namespace

TEST_CASE("a request that cannot wait for want of memory leaves the queue") {
  for (const auto priority : {Priority::foreground, Priority::background}) {
    std::size_t n = 1;
    for (;; ++n) {
      Tested tested;
      tested.run(0, tested.enter());
      auto first = std::exchange(tested.permit, std::nullopt);
      REQUIRE(first);
      tested.run(n, tested.enter(priority));
      const bool failed = tested.has_failed;
      const bool is_waiting = !tested.is_out_of_memory;
      CHECK_FALSE(tested.permit);
      CHECK(tested.loop.counters().upstream_queue.value() == (is_waiting ? 1 : 0));
      first.reset();
      tested.turn();
      CHECK(tested.permit.has_value() == is_waiting);
      CHECK(tested.loop.counters().upstream_queue.value() == 0);
      tested.permit.reset();
      tested.run(0, tested.enter());
      CHECK(tested.permit);
      if (!failed) break;
    }
    CHECK(n > 1);
  }
}

TEST_CASE("a connection that cannot be waited for for want of memory takes no slot") {
  for (const bool has_idle : {false, true}) {
    std::size_t n = 1;
    for (;; ++n) {
      INFO(n);
      Tested tested;
      tested.run(0, tested.take_slot());
      auto first = std::exchange(tested.slot, std::nullopt);
      REQUIRE(first);
      if (has_idle) REQUIRE(tested.idle.add());
      tested.run(n, tested.take_slot());
      const bool failed = tested.has_failed;
      const bool is_waiting = !tested.is_out_of_memory;
      CHECK_FALSE(tested.slot);
      first.reset();  // that of the idle connection, or another one's
      tested.turn();
      CHECK(tested.slot.has_value() == is_waiting);
      tested.slot.reset();
      // An idle connection has been claimed and closed, or is still idle.
      if (has_idle) CHECK(tested.idle.take() == (tested.closed == 0));
      tested.run(0, tested.take_slot());
      CHECK(tested.slot);
      if (!failed) break;
    }
    CHECK(n > 1);
  }
}
