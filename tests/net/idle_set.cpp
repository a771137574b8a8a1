// Sockets at rest.
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

struct Guest final : Rest::Guest {
  void on_input(bool ends) noexcept override {
    ++calls;
    ended = ends;
    if (then) then();
  }
  int calls = 0;
  bool ended = false;
  std::function<void()> then;
};

// Until nothing is left to be done but to wait.
void turn(Loop& loop) {
  while (loop.io().poll() > 0) {
  }
}

}  // namespace

TEST_CASE("a guest is called for input, once for what came since") {
  Loop loop(0, 4096, Millis{10});
  Pair pair;
  Guest guest;
  REQUIRE(loop.rest().add(pair.ends[0], guest));
  turn(loop);
  CHECK(guest.calls == 0);
  pair.send();
  turn(loop);
  CHECK(guest.calls == 1);
  turn(loop);
  CHECK(guest.calls == 1);  // what it has not taken is not told again
  pair.send();
  turn(loop);
  CHECK(guest.calls == 2);
  loop.rest().remove(guest);
}

TEST_CASE("what was there before a guest came counts as having come, and so does the end") {
  Loop loop(0, 4096, Millis{10});
  Pair pair;
  Guest guest;
  pair.send();
  REQUIRE(loop.rest().add(pair.ends[0], guest));
  turn(loop);
  CHECK(guest.calls == 1);
  CHECK_FALSE(guest.ended);
  pair.take();
  ::shutdown(pair.ends[1], SHUT_WR);
  turn(loop);
  CHECK(guest.calls == 2);
  CHECK(guest.ended);
  loop.rest().remove(guest);
}

TEST_CASE("who left is not called, nor is whoever came in its place for what was meant for it") {
  Loop loop(0, 4096, Millis{10});
  Pair pairs[3];
  Guest newcomer;
  std::unique_ptr<Guest> guests[2] = {std::make_unique<Guest>(), std::make_unique<Guest>()};
  int called = 0;
  // Whoever is called first makes the other leave, and a third take its place.
  for (int i = 0; i < 2; ++i) {
    guests[i]->then = [&, i] {
      ++called;
      auto& other = guests[1 - i];
      if (!other) return;
      loop.rest().remove(*other);
      other.reset();
      REQUIRE(loop.rest().add(pairs[2].ends[0], newcomer));
    };
    REQUIRE(loop.rest().add(pairs[i].ends[0], *guests[i]));
    pairs[i].send();
  }
  turn(loop);
  CHECK(called == 1);
  CHECK(newcomer.calls == 0);
  pairs[2].send();
  turn(loop);
  CHECK(newcomer.calls == 1);
}

TEST_CASE("more guests than are looked at in one go are all called") {
  Loop loop(0, 4096, Millis{10});
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<std::unique_ptr<Guest>> guests;
  for (int i = 0; i < 600; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    guests.push_back(std::make_unique<Guest>());
    REQUIRE(loop.rest().add(pairs.back()->ends[0], *guests.back()));
    pairs.back()->send();
  }
  turn(loop);
  for (const auto& guest : guests) CHECK(guest->calls == 1);
}

TEST_CASE("a descriptor that cannot be waited for is refused") {
  Loop loop(0, 4096, Millis{10});
  Guest guest;
  CHECK_FALSE(loop.rest().add(-1, guest));
  loop.rest().remove(guest);  // nothing to be done
}
