#include "upstream/resolver.hpp"

#include "../catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>

using namespace larder;
using namespace std::chrono_literals;
using upstream::Failure;
using upstream::FailureKind;
using upstream::Resolver;
using Result = std::variant<Resolver::Endpoints, Failure>;

namespace {

Resolver::Endpoints endpoints(std::uint16_t port) {
  return {asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), port)};
}

// A loop and a resolver whose lookups end when the test decides.
struct Names {
  Loop loop{0, 4096, Millis{10}};
  std::vector<std::pair<Event*, Resolver::Found*>> asked;
  Resolver resolver{loop, [this](Loop& at, std::string, std::uint16_t) -> Task<Resolver::Found> {
                      Event event(at);
                      Resolver::Found found;
                      asked.emplace_back(&event, &found);
                      co_await event.wait();
                      co_return found;
                    }};
  settings::Upstream upstream;
  std::vector<Result> results;

  Names() { upstream.address = settings::TcpAddress{"api.test", 80}; }

  void resolve(Millis timeout = 1h) {
    asio::co_spawn(
        loop.executor(),
        [this, timeout]() -> Task<void> { results.push_back(co_await resolver.resolve(upstream, timeout)); },
        asio::detached);
    turn();
  }
  void answer(std::size_t which, Resolver::Found found) {
    *asked.at(which).second = std::move(found);
    asked.at(which).first->raise();
    turn();
  }
  void turn() {
    loop.io().restart();
    while (loop.io().poll() != 0) {
    }
  }
  // Runs until another result is available.
  void wait(std::size_t count) {
    loop.io().restart();
    while (results.size() < count) loop.io().run_one();
  }
};

FailureKind kind(const Result& result) {
  return std::get<Failure>(result).kind;
}

}  // namespace

TEST_CASE("all callers wait for one lookup") {
  Names names;
  names.resolve();
  names.resolve();
  REQUIRE(names.asked.size() == 1);
  CHECK(names.results.empty());
  names.answer(0, {endpoints(80), {}});
  REQUIRE(names.results.size() == 2);
  for (const auto& result : names.results) CHECK(std::get<Resolver::Endpoints>(result) == endpoints(80));
  names.resolve();
  CHECK(names.asked.size() == 1);  // the result is valid for resolve_interval
  CHECK(names.results.size() == 3);
}

TEST_CASE("a caller whose timeout ends gets the known addresses or an error, and the lookup continues") {
  Names names;
  names.resolve(1ms);
  names.wait(1);
  CHECK(kind(names.results[0]) == FailureKind::resolve_timeout);
  CHECK(std::get<Failure>(names.results[0]).status() == 504);
  names.resolve(1ms);
  names.wait(2);
  CHECK(names.asked.size() == 1);
  names.answer(0, {endpoints(80), {}});
  names.resolve();
  REQUIRE(names.results.size() == 3);
  CHECK(std::get<Resolver::Endpoints>(names.results[2]) == endpoints(80));

  names.upstream.resolve_interval = 0ms;
  names.resolve(1ms);
  CHECK(names.asked.size() == 2);
  names.wait(4);
  CHECK(std::get<Resolver::Endpoints>(names.results[3]) == endpoints(80));
}

TEST_CASE("a failed lookup does not change the known addresses") {
  Names names;
  names.resolve();
  names.answer(0, {{}, "no such host"});
  REQUIRE(names.results.size() == 1);
  CHECK(kind(names.results[0]) == FailureKind::resolve_failed);
  CHECK(std::get<Failure>(names.results[0]).reason == "no such host");

  names.upstream.resolve_interval = 0ms;
  names.resolve();
  names.answer(1, {endpoints(80), {}});
  names.resolve();
  names.answer(2, {{}, "no such host"});
  REQUIRE(names.results.size() == 3);
  CHECK(std::get<Resolver::Endpoints>(names.results[2]) == endpoints(80));
}

TEST_CASE("addresses that cannot be connected to are resolved again, by one lookup") {
  Names names;
  names.resolve();
  names.answer(0, {endpoints(1), {}});
  names.upstream.resolve_interval = 0ms;
  names.resolve();
  names.resolver.distrust();
  names.resolve();
  REQUIRE(names.asked.size() == 2);
  names.answer(1, {endpoints(2), {}});
  REQUIRE(names.results.size() == 3);
  CHECK(std::get<Resolver::Endpoints>(names.results[1]) == endpoints(2));
  CHECK(std::get<Resolver::Endpoints>(names.results[2]) == endpoints(2));
}

TEST_CASE("forget leads to a new lookup, and the result of an earlier one is discarded") {
  Names names;
  names.resolve(1ms);
  names.wait(1);
  names.resolver.forget();
  names.resolve();
  REQUIRE(names.asked.size() == 2);
  names.answer(0, {endpoints(1), {}});
  CHECK(names.results.size() == 1);
  names.answer(1, {endpoints(2), {}});
  REQUIRE(names.results.size() == 2);
  CHECK(std::get<Resolver::Endpoints>(names.results[1]) == endpoints(2));
}

TEST_CASE("a numeric address is not resolved") {
  Names names;
  names.upstream.address = settings::TcpAddress{"::1", 8000};
  names.resolve();
  names.upstream.address = settings::UnixAddress{"/run/api.sock"};
  names.resolve();
  CHECK(names.asked.empty());
  CHECK(names.results.size() == 2);
}

TEST_CASE("addresses are kept current without a caller that waits") {
  Names names;
  names.upstream.resolve_interval = 0ms;  // always due
  names.resolver.keep_current(names.upstream);
  CHECK(names.asked.empty());  // nothing was connected to yet
  names.resolve();
  names.answer(0, {endpoints(80), {}});
  const auto version = names.resolver.version();
  const Resolver::Endpoints other = endpoints(81);
  CHECK(names.resolver.has(endpoints(80).front()));
  CHECK_FALSE(names.resolver.has(other.front()));

  names.resolver.keep_current(names.upstream);
  names.turn();
  REQUIRE(names.asked.size() == 2);
  names.resolver.keep_current(names.upstream);  // one lookup at a time
  CHECK(names.asked.size() == 2);
  names.answer(1, {endpoints(80), {}});
  names.resolver.keep_current(names.upstream);
  CHECK(names.resolver.version() == version);  // the same address

  names.turn();
  names.answer(2, {other, {}});
  names.resolver.keep_current(names.upstream);
  CHECK(names.resolver.version() != version);
  CHECK(names.resolver.has(other.front()));
  CHECK_FALSE(names.resolver.has(endpoints(80).front()));
}
