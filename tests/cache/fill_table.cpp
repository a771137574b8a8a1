#include "cache/fill_table.hpp"

#include "../catch.hpp"

using namespace larder;
using namespace std::chrono_literals;
using cache::Role;

namespace {

policy::MonoTime at(std::chrono::milliseconds after) {
  return policy::MonoTime{1h} + after;
}

// Hashes of keys.
constexpr std::uint64_t key = 11;
constexpr std::uint64_t other = 12;

struct Table {
  store::InvalidationLog invalidations;
  store::PurgeLog purges;
  cache::FillTable fills{invalidations, purges};

  cache::Joined join(const char* name, policy::Sequence since = 0, std::chrono::milliseconds when = 0ms) {
    return fills.join("key", key, name, 1, 100, since, at(when));
  }
};

}  // namespace

TEST_CASE("the first request leads a fill, and others follow it until it ends") {
  Table table;
  auto first = table.join("a");
  CHECK(first.role == Role::lead);
  const auto second = table.join("a");
  CHECK(second.role == Role::follow);
  CHECK(second.fill == first.fill);
  const auto other = table.join("b");
  CHECK(other.role == Role::lead);
  CHECK(table.fills.running() == 2);
  first.permit.settle(cache::Failed{});
  CHECK(table.join("a").role == Role::lead);
}

TEST_CASE("a fill whose permit is dropped unused ends, and fails for the requests that joined it") {
  Table table;
  std::shared_ptr<cache::Fill> followed;
  {
    auto lead = table.join("a");
    followed = table.join("a").fill;
    const auto moved = std::move(lead.permit);
    CHECK_FALSE(followed->is_settled());
  }
  CHECK(followed->is_settled());
  CHECK(table.fills.running() == 0);
  CHECK(table.join("a").role == Role::lead);
}

TEST_CASE("no request joins a fill that started before a write") {
  Table table;
  auto old = table.join("a");
  table.invalidations.invalidate_path(1, store::Validity::only_on_error);
  const auto fresh = table.join("a");
  CHECK(fresh.role == Role::lead);
  CHECK(fresh.fill != old.fill);
  CHECK(table.join("a").fill == fresh.fill);
  // The end of the older fill does not affect the newer one.
  old.permit.settle(cache::Failed{});
  CHECK(table.join("a").fill == fresh.fill);
}

TEST_CASE("a fetch that must start now replaces the one under way") {
  Table table;
  const auto old = table.join("a");
  const auto forced = table.join("a", table.invalidations.next_sequence());
  CHECK(forced.role == Role::lead);
  CHECK(table.join("a").fill == forced.fill);
  CHECK(forced.fill->sequence() > old.fill->sequence());
}

TEST_CASE("at most two fills are under way for requests that need a fill started after they arrived") {
  Table table;
  auto old = table.join("a");
  const auto came_first = table.invalidations.next_sequence();
  const auto came_second = table.invalidations.next_sequence();
  auto forced = table.join("a", came_first);
  CHECK(forced.role == Role::lead);
  // It started after both of them arrived.
  CHECK(table.join("a", came_second).fill == forced.fill);
  const auto late = table.join("a", table.invalidations.next_sequence());
  CHECK(late.role == Role::retry_after_current);
  CHECK(late.fill == forced.fill);
  SECTION("the older fill ends") {
    old.permit.settle(cache::Failed{});
    CHECK(table.join("a", table.invalidations.next_sequence()).role == Role::lead);
  }
  SECTION("the newer fill ends") {
    forced.permit.settle(cache::Failed{});
    CHECK(table.join("a", table.invalidations.next_sequence()).role == Role::lead);
  }
  SECTION("a write invalidates it") {
    table.invalidations.invalidate_path(1, store::Validity::stale_once);
    CHECK(table.join("a", table.invalidations.next_sequence()).role == Role::lead);
  }
}

TEST_CASE("within refresh_min_interval, a request joins a fill that has just started") {
  Table table;
  const auto old = table.join("a", 0, 0ms);
  const auto ask = [&](policy::Millis now) {
    return table.fills.join("key", key, "a", 1, 100, table.invalidations.next_sequence(), at(now), 10s);
  };
  CHECK(ask(9'999ms).fill == old.fill);
  CHECK(ask(10s).role == Role::lead);
}

TEST_CASE("a key that fails is retried after increasing intervals, until it succeeds") {
  Table table;
  CHECK_FALSE(table.fills.failing(key));
  const std::chrono::milliseconds waits[] = {1s, 2s, 4s, 8s, 15s, 15s};
  auto now = 0ms;
  for (const auto wait : waits) {
    table.fills.failed(key, policy::Trouble::disconnected, at(now));
    REQUIRE(table.fills.failing(key));
    CHECK(table.fills.failing(key)->until == at(now + wait));
    now += wait;
  }
  CHECK_FALSE(table.fills.failing(other));
  table.fills.succeeded(key);
  CHECK_FALSE(table.fills.failing(key));
  table.fills.failed(key, policy::Trouble::error_status, at(now));
  CHECK(table.fills.failing(key)->until == at(now + 1s));
}

TEST_CASE("after an unshareable response, requests are not collapsed for some time") {
  Table table;
  table.fills.remember_unshared(key, {policy::Detail::no_store, at(0s), at(2s)});
  const auto one = table.join("a", 0, 1s);
  const auto two = table.join("a", 0, 1s);
  CHECK(one.role == Role::uncollapsed);
  CHECK(two.role == Role::uncollapsed);
  CHECK(one.fill != two.fill);
  CHECK(table.fills.running() == 0);
  CHECK(table.join("a", 0, 2s).role == Role::lead);
}

TEST_CASE("a shared response ends hit-for-miss at once") {
  Table table;
  table.fills.remember_unshared(key, {policy::Detail::no_store, at(0s), at(1h)});
  table.fills.forget_unshared(key);
  CHECK(table.join("a").role == Role::lead);
}

TEST_CASE("the number of remembered keys is limited") {
  Table table;
  const auto hash = [](std::uint64_t number) { return number * 0x9E37'79B9'7F4A'7C15; };
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    table.fills.remember_unshared(hash(i), {policy::Detail::no_store, at(0s), at(1h)});
    table.fills.failed(hash(i), policy::Trouble::disconnected, at(0s));
  }
  int uncollapsed = 0;
  int failing = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const auto name = std::to_string(i);
    if (table.fills.join(name, hash(i), name, 1, 100, 0, at(0s)).role == Role::uncollapsed) ++uncollapsed;
    if (table.fills.failing(hash(i))) ++failing;
  }
  CHECK(uncollapsed <= 16 * 1024);
  CHECK(uncollapsed > 0);
  CHECK(failing <= 16 * 1024);
}

TEST_CASE("why a response was not stored is known by its key, and by its path and query at any host") {
  Table table;
  table.fills.remember_unshared(key, {policy::Detail::no_store, at(1s), at(1h), 70});
  table.fills.remember_unshared(other, {policy::Detail::set_cookie, at(2s), at(1h), 70});
  CHECK(table.fills.why_not_stored(key)->detail == policy::Detail::no_store);
  CHECK(table.fills.why_not_stored_at(70)->detail == policy::Detail::set_cookie);
  CHECK_FALSE(table.fills.why_not_stored_at(71));
}

TEST_CASE("no request joins a fill that a purge applies to") {
  using policy::Purge;
  for (const auto& purge : {Purge{Purge::What::path, "/x"}, Purge{Purge::What::prefix, "/"},
                            Purge{Purge::What::group, "lists"}, Purge{Purge::What::all, ""}}) {
    Table table;
    const auto join = [&] { return table.fills.join("http://a/x", 7, "http://a/x", 1, 100, 0, at(0ms)); };
    const auto first = join();
    CHECK(join().role == Role::follow);
    table.purges.add(purge, table.invalidations.next_sequence());
    const auto second = join();
    CHECK(second.role == Role::lead);
    CHECK(second.fill != first.fill);
    CHECK(join().role == Role::follow);
  }
  Table table;
  const auto first = table.fills.join("http://a/x", 7, "http://a/x", 1, 100, 0, at(0ms));
  table.purges.add({Purge::What::path, "/y"}, table.invalidations.next_sequence());
  CHECK(table.fills.join("http://a/x", 7, "http://a/x", 1, 100, 0, at(0ms)).role == Role::follow);
}

TEST_CASE("requests that joined an abandoned fill get the response found in its place") {
  Table table;
  auto first = table.join("a");
  const auto second = table.join("a");
  REQUIRE(second.role == Role::follow);
  first.permit.give_up(std::make_shared<store::Response>());
  CHECK(second.fill->is_settled());
  CHECK(table.join("a").role == Role::lead);
}
