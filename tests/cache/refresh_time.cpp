// Simulates days of polling.
#include "cache/refresh_time.hpp"

#include "../catch.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

using namespace larder;
using namespace std::chrono_literals;
using cache::Millis;
using cache::MonoTime;

namespace {

struct Setup {
  Millis ttl = 15s;
  Millis keep_warm = 10min;
  std::function<Millis()> fetch = [] { return Millis{600}; };
};

struct Poll {
  MonoTime when;
  bool fresh = false;    // served a fresh response
  bool at_once = false;  // served without waiting
  Millis age{0};         // time since the end of the fetch of the response served
};

struct Day {
  std::vector<MonoTime> fetches;  // start time of each
  std::vector<Poll> polls;
  Millis slowest{0};
};

// Simulates one entry under that schedule, requested at `asks` (ascending). A request that finds no usable
// response fetches.
Day simulate(const Setup& setup, const std::vector<MonoTime>& asks, unsigned seed = 1) {
  constexpr std::size_t remembered = 64;
  std::minstd_rand random(seed);
  Day day;
  cache::FetchTimes times;
  std::vector<MonoTime> marks;
  MonoTime requested{};
  MonoTime received = MonoTime::max();  // end of the fetch under way; max if there is none
  MonoTime fresh_until = MonoTime::min();
  MonoTime answered{};
  MonoTime due = MonoTime::max();
  bool was_fresh = false;  // whether the entry was fresh when the fetch under way started
  double jitter = 0;

  std::uint64_t refreshes = 0;

  const auto begin = [&](MonoTime now, bool is_refresh) {
    day.fetches.push_back(now);
    refreshes = is_refresh ? refreshes + 1 : 0;
    requested = now;
    was_fresh = now < fresh_until;
    const auto takes = setup.fetch();
    day.slowest = std::max(day.slowest, takes);
    received = now + takes;
    due = MonoTime::max();
  };
  const auto plan = [&](bool decide) {
    const cache::RefreshInput warmth{setup.ttl,   setup.keep_warm, requested, fresh_until,
                                     times.p95(), jitter,          marks,     refreshes};
    const auto next = cache::next_refresh(warmth);
    due = !decide ? cache::decision_time(warmth) : next.value_or(MonoTime::max());
  };
  const auto settle = [&] {
    times.add(received - requested);
    answered = received;
    fresh_until = received + setup.ttl;
    received = MonoTime::max();
    jitter = std::uniform_real_distribution<>(0, 1)(random);
    plan(false);
  };
  const auto run_until = [&](MonoTime now) {
    for (;;) {
      if (received <= std::min(due, now)) {
        settle();
      } else if (due <= now) {
        const auto then = due;
        plan(true);
        if (due <= then) begin(then, true);
      } else {
        return;
      }
    }
  };

  for (const auto ask : asks) {
    run_until(ask);
    if (marks.empty() || ask - marks.back() >= setup.ttl / 16) marks.push_back(ask);
    if (marks.size() > remembered) marks.erase(marks.begin());
    Poll poll{ask, ask < fresh_until, false, Millis{0}};
    poll.at_once = poll.fresh || (received != MonoTime::max() && was_fresh);
    if (poll.at_once) poll.age = ask - answered;
    if (!poll.at_once && received == MonoTime::max()) begin(ask, false);
    day.polls.push_back(poll);
  }
  run_until(asks.back() + 24h);
  return day;
}

std::vector<MonoTime> every(Millis period, Millis duration, Millis phase = 0ms, Millis wobble = 0ms) {
  std::minstd_rand random(7);
  std::vector<MonoTime> asks;
  for (auto at = phase; at < duration; at += period) {
    const auto off = wobble.count() == 0 ? 0 : std::uniform_int_distribution<long>(0, wobble.count())(random);
    asks.emplace_back(1h + at + Millis{off});
  }
  return asks;
}

std::vector<MonoTime> merged(std::initializer_list<std::vector<MonoTime>> readers) {
  std::vector<MonoTime> all;
  for (const auto& reader : readers) all.insert(all.end(), reader.begin(), reader.end());
  std::sort(all.begin(), all.end());
  return all;
}

void never_more_than_one_a_ttl(const Day& day, Millis ttl) {
  for (std::size_t i = 1; i < day.fetches.size(); ++i) {
    INFO(i);
    REQUIRE(day.fetches[i] - day.fetches[i - 1] >= ttl);
  }
}

}  // namespace

TEST_CASE("requests for a permanently used entry never wait and never get too old a response") {
  const Setup setup{30s, 10min, [] { return Millis{4200}; }};
  const auto day = simulate(setup, every(500ms, 24h));
  never_more_than_one_a_ttl(day, setup.ttl);
  for (std::size_t i = 0; i < day.polls.size(); ++i) {
    const auto& poll = day.polls[i];
    if (poll.when < day.fetches.front() + day.slowest)
      continue;  // the first requests wait for the first fetch
    INFO(i);
    REQUIRE(poll.at_once);
    REQUIRE(poll.age <= setup.ttl + day.slowest);
  }
  // 24 h with a fetch every 30 s plus its duration.
  CHECK(day.fetches.size() >= 24 * 3600 / 35);
}

TEST_CASE("requests do not wait if the duration of fetches varies") {
  std::minstd_rand random(3);
  std::uniform_int_distribution<int> takes(200, 2500);
  const Setup setup{15s, 10min, [&] { return Millis{takes(random)}; }};
  const auto day = simulate(setup, every(250ms, 24h));
  never_more_than_one_a_ttl(day, setup.ttl);
  std::size_t waited = 0;
  for (const auto& poll : day.polls) {
    if (poll.when < day.fetches.front() + 3s) continue;
    if (!poll.at_once) ++waited;
    REQUIRE(poll.age <= setup.ttl + day.slowest);
  }
  CHECK(waited == 0);
}

TEST_CASE("polling every minute with a ttl of 15 s causes one fetch per minute, before the poll") {
  const Setup setup{15s, 10min, [] { return Millis{600}; }};
  const auto day = simulate(setup, every(60s, 24h, 0ms, 800ms));
  never_more_than_one_a_ttl(day, setup.ttl);
  const auto minutes = day.polls.size();
  CHECK(day.fetches.size() <= minutes + 20);  // some more while the period is learned, and at its end
  std::size_t stale = 0;
  for (std::size_t i = 4; i < minutes; ++i) {
    if (!day.polls[i].fresh) ++stale;
  }
  CHECK(stale == 0);
}

TEST_CASE("several clients with the same period and different phases") {
  const Setup setup{15s, 10min, [] { return Millis{600}; }};
  const auto asks =
      merged({every(60s, 12h, 0s, 300ms), every(60s, 12h, 22s, 300ms), every(60s, 12h, 41s, 300ms)});
  const auto day = simulate(setup, asks);
  never_more_than_one_a_ttl(day, setup.ttl);
  CHECK(day.fetches.size() <= asks.size() + 50);  // some more while the period is learned, and at its end
  std::size_t waited = 0;
  for (std::size_t i = 12; i < day.polls.size(); ++i) {
    if (!day.polls[i].at_once) ++waited;
  }
  CHECK(waited == 0);
}

TEST_CASE("requests without a period keep the entry fresh permanently") {
  std::minstd_rand random(11);
  std::exponential_distribution<> gap(1.0 / 40'000);
  std::vector<MonoTime> asks;
  for (auto at = MonoTime{1h}; at < MonoTime{13h}; at += Millis{static_cast<long>(gap(random)) + 1})
    asks.push_back(at);
  const Setup setup{15s, 10min, [] { return Millis{600}; }};
  const auto day = simulate(setup, asks);
  never_more_than_one_a_ttl(day, setup.ttl);
  std::size_t waited = 0;
  for (std::size_t i = 1; i < day.polls.size(); ++i) {
    if (!day.polls[i].at_once) ++waited;
  }
  // Similar gaps may occasionally be taken for a period.
  CHECK(static_cast<double>(waited) <= 0.02 * static_cast<double>(day.polls.size()));
}

TEST_CASE("refreshes stop when there are no more requests") {
  for (const auto period : {2s, 60s}) {
    const Setup setup{15s, 10min, [] { return Millis{600}; }};
    const auto asks = every(period, 1h);
    const auto day = simulate(setup, asks);
    CHECK(day.fetches.back() <= asks.back() + setup.keep_warm);
    CHECK(day.fetches.back() >= asks.back() + setup.keep_warm - 2 * std::max<Millis>(period, setup.ttl));
  }
}

TEST_CASE("an entry that was requested once is refreshed twice") {
  const Setup setup{15s, 10min, [] { return Millis{600}; }};
  const auto once = simulate(setup, {MonoTime{1h}});
  CHECK(once.fetches.size() == 3);
  // From the second request on, the requests decide.
  const auto twice = simulate(setup, {MonoTime{1h}, MonoTime{1h} + 20s});
  CHECK(twice.fetches.size() > 30);
  CHECK(twice.polls.back().at_once);
}

TEST_CASE("an entry without requests is not refreshed") {
  const cache::RefreshInput warmth{15s, 10min, MonoTime{1h}, MonoTime{1h} + 16s, 1s, 0.5, {}};
  CHECK_FALSE(cache::next_refresh(warmth));
}

TEST_CASE("a period is detected only if it repeats") {
  const auto at = [](std::initializer_list<int> seconds) {
    std::vector<MonoTime> marks;
    for (const int second : seconds) marks.emplace_back(std::chrono::seconds{second});
    return marks;
  };
  CHECK(cache::period_of(at({0, 60, 120}), 1s) == Millis{60s});
  CHECK(cache::period_of(at({0, 60, 121, 180}), 2s) == Millis{59s});  // within the tolerance
  CHECK(cache::period_of(at({0, 20, 60, 80, 120, 140, 180}), 1s) == Millis{60s});
  CHECK_FALSE(cache::period_of(at({0, 60}), 1s));
  CHECK_FALSE(cache::period_of(at({0, 13, 61, 100, 187, 203}), 1s));
  CHECK_FALSE(cache::period_of(at({}), 1s));
}

TEST_CASE("the 95th percentile leaves out only the slowest 5 %") {
  cache::FetchTimes times;
  CHECK(times.p95() == 0ms);
  times.add(700ms);
  CHECK(times.p95() == 700ms);
  for (int i = 0; i < 31; ++i) times.add(100ms);
  CHECK(times.p95() == 100ms);
  for (int i = 0; i < 3; ++i) times.add(900ms);
  CHECK(times.p95() == 900ms);
}
