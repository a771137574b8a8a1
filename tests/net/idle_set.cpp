// Tests of IdleSet.
#include "../catch.hpp"
#include "net/loop.hpp"

#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

using namespace larder;

namespace {

struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void send() const { REQUIRE(::send(ends[1], "x", 1, 0) == 1); }
  void take() const {
    char byte;
    REQUIRE(::recv(ends[0], &byte, 1, 0) == 1);
  }
  int ends[2];
};

struct TestConnection final : IdleSet::Connection {
  void on_input(bool ends) noexcept override {
    ++calls;
    ended = ends;
    if (then) then();
  }
  int calls = 0;
  bool ended = false;
  std::function<void()> then;
};

// Runs all handlers that are ready.
void turn(Loop& loop) {
  while (loop.io().poll() > 0) {
  }
}

}  // namespace

TEST_CASE("a connection is called once for new input") {
  Loop loop(0, 4096, Millis{10});
  Pair pair;
  TestConnection connection;
  REQUIRE(loop.idle_set().add(pair.ends[0], connection));
  turn(loop);
  CHECK(connection.calls == 0);
  pair.send();
  turn(loop);
  CHECK(connection.calls == 1);
  turn(loop);
  CHECK(connection.calls == 1);  // input that was not read is not reported again
  pair.send();
  turn(loop);
  CHECK(connection.calls == 2);
  loop.idle_set().remove(connection);
}

TEST_CASE("input and end of input from before registration are reported") {
  Loop loop(0, 4096, Millis{10});
  Pair pair;
  TestConnection connection;
  pair.send();
  REQUIRE(loop.idle_set().add(pair.ends[0], connection));
  turn(loop);
  CHECK(connection.calls == 1);
  CHECK_FALSE(connection.ended);
  pair.take();
  ::shutdown(pair.ends[1], SHUT_WR);
  turn(loop);
  CHECK(connection.calls == 2);
  CHECK(connection.ended);
  loop.idle_set().remove(connection);
}

TEST_CASE("a removed connection is not called, nor is a new one in its slot for the same event") {
  Loop loop(0, 4096, Millis{10});
  Pair pairs[3];
  TestConnection newcomer;
  std::unique_ptr<TestConnection> connections[2] = {std::make_unique<TestConnection>(),
                                                    std::make_unique<TestConnection>()};
  int called = 0;
  // The connection that is called first removes the other, and a third one takes its slot.
  for (int i = 0; i < 2; ++i) {
    connections[i]->then = [&, i] {
      ++called;
      auto& other = connections[1 - i];
      if (!other) return;
      loop.idle_set().remove(*other);
      other.reset();
      REQUIRE(loop.idle_set().add(pairs[2].ends[0], newcomer));
    };
    REQUIRE(loop.idle_set().add(pairs[i].ends[0], *connections[i]));
    pairs[i].send();
  }
  turn(loop);
  CHECK(called == 1);
  CHECK(newcomer.calls == 0);
  pairs[2].send();
  turn(loop);
  CHECK(newcomer.calls == 1);
}

TEST_CASE("all connections are called if there are more than one epoll_wait returns") {
  Loop loop(0, 4096, Millis{10});
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<std::unique_ptr<TestConnection>> connections;
  for (int i = 0; i < 600; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    connections.push_back(std::make_unique<TestConnection>());
    REQUIRE(loop.idle_set().add(pairs.back()->ends[0], *connections.back()));
    pairs.back()->send();
  }
  turn(loop);
  for (const auto& connection : connections) CHECK(connection->calls == 1);
}

TEST_CASE("a descriptor that cannot be waited for is refused") {
  Loop loop(0, 4096, Millis{10});
  TestConnection connection;
  CHECK_FALSE(loop.idle_set().add(-1, connection));
  loop.idle_set().remove(connection);  // has no effect
}
