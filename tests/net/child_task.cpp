#include "net/child_task.hpp"

#include "../catch.hpp"

#include <stdexcept>

using namespace larder;

namespace {

// Runs a task to its end; the tasks here do not wait for external events.
void run(Loop& loop, Task<void> task) {
  bool ended = false;
  spawn(loop, "test", std::move(task), [&] { ended = true; });
  while (!ended) loop.io().poll();
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

}  // namespace

TEST_CASE("a task that ends with an exception is counted and reported, and can be joined") {
  Loop loop(0, 4096, Millis{10});
  std::string told;
  loop.on_failure([&](std::string_view task, const std::exception_ptr& error) {
    told = std::string(task) + ": " + text_of(error);
  });
  bool ended = false;
  const auto fail = []() -> Task<void> {
    throw std::runtime_error("no memory");
    co_return;
  };
  spawn(loop, "fetch", fail(), [&] { ended = true; });
  loop.io().poll();
  CHECK(told == "fetch: no memory");
  CHECK(ended);
  CHECK(loop.counters().task_failures.value() == 1);
}

TEST_CASE("a child task has ended before the objects it refers to are destroyed, however the body ends") {
  const bool throws = GENERATE(false, true);
  Loop loop(0, 4096, Millis{10});
  std::string order;
  const auto parent = [&]() -> Task<void> {
    Event event(loop);
    ChildTask companion(loop);
    const auto child = [&]() -> Task<void> {
      co_await event.wait();
      order += "child ended, ";
    };
    const auto body = [&]() -> Task<int> {
      companion.start("child", child());
      co_await asio::post(loop.executor(), asio::use_awaitable_t<Executor>{});
      if (throws) throw std::runtime_error("in the body");
      co_return 7;
    };
    const auto stop = [&]() -> Task<void> {
      event.raise();
      co_await companion.join();
      order += "joined, ";
    };
    try {
      const auto result = co_await beside(body, stop);
      order += std::to_string(result);
    } catch (const std::runtime_error& error) {
      order += error.what();
    }
  };
  run(loop, parent());
  CHECK(order == std::string("child ended, joined, ") + (throws ? "in the body" : "7"));
}

TEST_CASE("a child task that ends with an exception has ended") {
  Loop loop(0, 4096, Millis{10});
  bool joined = false;
  const auto parent = [&]() -> Task<void> {
    ChildTask companion(loop);
    const auto child = []() -> Task<void> {
      throw std::runtime_error("in the child");
      co_return;
    };
    companion.start("child", child());
    co_await companion.join();
    joined = true;
  };
  run(loop, parent());
  CHECK(joined);
  CHECK(loop.counters().task_failures.value() == 1);
}
