// Values that follow from other values.
#include "support.hpp"

using namespace larder;
using namespace larder::settings;
using larder::test::check_lines;
using larder::test::good;

TEST_CASE("`defaults` apply to routes with a ttl that do not set the key themselves") {
  const auto settings = good(
      "defaults: {keep_warm: 10m, stale_while_revalidate: 1m, stale_if_error: 1h}\n"
      "routes:\n"
      "  - {path: /all, ttl: 30s}\n"
      "  - {path: /own, ttl: 30s, keep_warm: 5m, stale_while_revalidate: 5s, stale_if_error: 2h}\n"
      "  - {path: /none, ttl: 30s, keep_warm: off, stale_while_revalidate: off, stale_if_error: off}\n"
      "  - {path: /standard, cache: standard}\n"
      "  - {path: /off, cache: off}\n");
  const auto& all = settings.routes.at(0);
  CHECK(all.keep_warm == Millis{600'000});
  CHECK(all.stale_while_revalidate == Millis{60'000});
  CHECK(all.stale_if_error == Millis{3'600'000});
  const auto& own = settings.routes.at(1);
  CHECK(own.keep_warm == Millis{300'000});
  CHECK(own.stale_while_revalidate == Millis{5000});
  CHECK(own.stale_if_error == Millis{7'200'000});
  const auto& none = settings.routes.at(2);
  CHECK_FALSE(none.keeps_warm());
  CHECK(none.stale_while_revalidate == Millis{0});
  CHECK(none.stale_if_error == Millis{0});
  for (const auto index : {3u, 4u}) {
    CHECK_FALSE(settings.routes.at(index).keep_warm);
    CHECK_FALSE(settings.routes.at(index).stale_while_revalidate);
    CHECK_FALSE(settings.routes.at(index).stale_if_error);
  }
}

TEST_CASE("`defaults` of a later file apply to the routes of all files") {
  const auto loaded = load({"f", "defaults: {keep_warm: 10m}\nroutes: [{path: /a, ttl: 30s}]\n"},
                           {{"g", "defaults: {keep_warm: off}\nroutes: [{path: /b, ttl: 30s}]\n"}});
  REQUIRE(loaded.settings);
  for (const auto& route : loaded.settings->routes) CHECK_FALSE(route.keeps_warm());
}

TEST_CASE("what dump-config prints has the same lifetimes when it is read again") {
  const auto settings = good(
      "defaults: {keep_warm: 10m, stale_if_error: off}\n"
      "routes: [{path: /a, ttl: 30s}, {path: /b, ttl: 30s, keep_warm: off, stale_if_error: 1h}]\n");
  const auto text = effective_yaml(settings);
  const auto again = good(text);
  CHECK(effective_yaml(again) == text);
  CHECK(again.routes.at(0).keeps_warm());
  CHECK_FALSE(again.routes.at(1).keeps_warm());
  CHECK(again.routes.at(0).stale_if_error == Millis{0});
  CHECK(again.routes.at(1).stale_if_error == Millis{3'600'000});
}

TEST_CASE("a small budget alone is valid: what depends on it follows") {
  const auto small = good("cache: {memory: 8MiB}\nupstream: {connections: 4}\n");
  CHECK(small.cache.max_body == std::size_t{2} << 20);
  CHECK(small.limits.uploads == 2);
  CHECK(small.upstream.background_connections == 2);
  const auto least = good("cache: {memory: 1MiB}\nupstream: {connections: 1}\n");
  CHECK(least.cache.max_body == std::size_t{256} << 10);
  CHECK(least.limits.uploads == 1);
  CHECK(least.upstream.background_connections == 1);
  const auto large = good("cache: {memory: 8GiB}\nupstream: {connections: 1000}\n");
  CHECK(large.cache.max_body == std::size_t{16} << 20);
  CHECK(large.limits.uploads == 32);
  const auto written = good("cache: {memory: 8MiB, max_body: 8MiB}\nlimits: {uploads: 64}\n");
  CHECK(written.cache.max_body == std::size_t{8} << 20);
  CHECK(written.limits.uploads == 64);
}

TEST_CASE("a keep_warm shorter than the ttl gives a warning") {
  const std::string end =
      " is shorter than the ttl (30s): an entry that is requested less than once in 10s is not refreshed; "
      "write at least the ttl";
  check_lines({
      {"routes: [{path: /a, ttl: 30s, keep_warm: 10s}]\n", {"f:1:31: warning: keep_warm (10s)" + end}},
      {"defaults: {keep_warm: 10s}\nroutes: [{path: /a, ttl: 30s}]\n",
       {"f:2:21: warning: keep_warm (10s, from defaults)" + end}},
      {"routes: [{path: /a, ttl: 30s, keep_warm: 30s}]\n", {}},
      {"routes: [{path: /a, ttl: 30s, keep_warm: off}]\n", {}},
  });
}
