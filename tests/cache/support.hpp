// A cache with one loop and no sockets, and a fill with its waiters.
#pragma once

#include "../catch.hpp"
#include "../policy/support.hpp"
#include "cache/publish.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <memory>
#include <optional>
#include <string>

namespace larder::test {

inline const std::string head_of_request =
    "GET /a/path/that/is/longer/than/a/short/string HTTP/1.1\r\nHost: api.example\r\n\r\n";

inline http::PathPattern pattern(const char* text) {
  std::string error;
  return *http::PathPattern::parse(text, error);
}

inline std::shared_ptr<settings::Settings> make_settings() {
  auto settings = std::make_shared<settings::Settings>();
  auto route = ttl_route();
  route.keep_warm = std::chrono::minutes(1);
  route.invalidated_by.push_back(pattern("/written"));
  settings->routes.push_back(std::move(route));
  return settings;
}

// One loop without sockets, a cache, and a request for it. Nothing runs but what `turn` runs.
struct Tested {
  std::shared_ptr<const settings::Settings> settings = make_settings();
  Loop loop{0, 4096, Millis{10}};
  upstream::Admission admission;
  upstream::Pool pool{loop, admission, settings->upstream};
  projection::Workspace workspace;
  cache::Cache cache{{1u << 20, 4, nullptr, 0, {}}};
  cache::Order order;
  policy::RequestFacts facts;

  Tested() {
    std::string error;
    order.plan = cache::make_plan(settings, error);
    REQUIRE(order.plan);
    order.request =
        std::make_shared<const cache::OwnedRequest>(head_of_request, *settings, policy::Arrival{});
    order.route = &settings->routes.front();
    const auto& request = order.request->head;
    order.key.assign(request.authority, request.path, request, *order.route);
    order.hash = cache.hash(order.key.text());
    facts = policy::facts_of(request, {*settings, hash, order.request->arrival});
    cache.refresh_scheduler().start(loop, [this] {
      return cache::RefreshScheduler::Dependencies{resources(), order.plan,
                                                   [](const auto&) { return nullptr; }};
    });
  }
  ~Tested() {
    cache.refresh_scheduler().stop();
    turn();
    cache.refresh_scheduler().leave_loop();
  }
  Tested(const Tested&) = delete;
  Tested& operator=(const Tested&) = delete;

  [[nodiscard]] cache::Resources resources() { return {loop, pool, workspace, cache}; }
  [[nodiscard]] cache::Target target() const {
    return cache.target(*order.route, cache.hash(order.route->name), order.key.view(), facts);
  }
  [[nodiscard]] cache::Joined join() { return cache.join(target(), nullptr, system_now(), {}); }
  [[nodiscard]] std::shared_ptr<store::Response> response() {
    auto made = std::make_shared<store::Response>();
    made->status = 200;
    made->sequence = cache.next_sequence();
    made->response_time = system_now().mono;
    made->fresh_until = made->response_time + std::chrono::hours(1);
    made->groups = {"a group whose name is longer than a short string"};
    made->body = std::make_shared<const std::string>("body");
    cache.set_marks(*order.route, order.key.view(), *made);
    return made;
  }
  void store() { REQUIRE(cache.store(target(), response())); }
  void turn() {
    loop.io().restart();
    while (loop.io().poll() != 0) {
    }
  }
};

// A fill that is led by a Publisher, with the request that leads it and one that follows.
struct Filling : Tested {
  std::optional<cache::Joined> lead = join();
  std::optional<cache::FillWaiter> leader;
  std::optional<cache::FillWaiter> follower;
  std::optional<cache::Publisher> publisher;
  std::optional<cache::FillWaiter::FillEvent> led;
  std::optional<cache::FillWaiter::FillEvent> followed;
  std::shared_ptr<store::Response> fetched = response();
  cache::Publisher::Result result;
  std::string prefix = "the beginning of a body that is not shared";

  Filling() {
    REQUIRE(lead->role == cache::Role::lead);
    auto follow = join();
    REQUIRE(follow.role == cache::Role::follow);
    leader.emplace(loop, lead->fill, true);
    follower.emplace(loop, follow.fill, false);
    result.call = std::make_unique<upstream::Call>(pool, settings->gate);
    result.when = {system_now(), system_now()};
    fetched->sequence = lead->fill->sequence();
    wait(*leader, led);
    wait(*follower, followed);
    turn();
    REQUIRE_FALSE(led);
  }
  void begin() { publisher.emplace(resources(), std::move(lead->permit), order, facts); }
  void wait(cache::FillWaiter& waiter, std::optional<cache::FillWaiter::FillEvent>& event) {
    asio::co_spawn(
        loop.executor(), [&]() -> Task<void> { event = co_await waiter.next(std::chrono::minutes{3}); },
        asio::detached);
  }
  // Ends the fill, as its coroutine does whatever happens, and releases the waiters.
  void end() {
    publisher.reset();
    turn();
  }
  [[nodiscard]] const cache::Result* result_of(
      const std::optional<cache::FillWaiter::FillEvent>& event) const {
    return event ? std::get_if<cache::Result>(&*event) : nullptr;
  }
  // Both waiters have been released, and the next request leads again.
  void check_released() {
    CHECK(result_of(led) != nullptr);
    CHECK(result_of(followed) != nullptr);
    CHECK(lead->fill->is_settled());
    CHECK(join().role != cache::Role::follow);
    leader.reset();
    follower.reset();
    CHECK(loop.counters().fill_waiters.value() == 0);
  }
  template <class T>
  [[nodiscard]] bool ended_as() const {
    const auto* one = result_of(followed);
    return one != nullptr && std::holds_alternative<T>(*one);
  }
};

inline std::unique_ptr<Filling> make_filling() {
  auto filling = std::make_unique<Filling>();
  filling->begin();
  return filling;
}

}  // namespace larder::test
