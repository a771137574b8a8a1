// What invalidations and purges do, and what the tier behind memory learns of them.
#include "../catch.hpp"
#include "../policy/support.hpp"
#include "cache/cache.hpp"
#include "policy/groups.hpp"

#include <vector>

using namespace larder;
using cache::Cache;
using policy::Purge;
using store::Validity;

namespace {

struct Event {
  std::string what;
  Validity validity;
  policy::Sequence sequence;
};

class RecordingTier final : public tiers::Tier {
 public:
  [[nodiscard]] bool may_find() const noexcept override { return false; }
  void find(const std::string& /*key*/, std::function<void(bool)> done) override { done(false); }
  void changed(const std::string& key, std::uint64_t /*hash*/) noexcept override { keys.push_back(key); }
  void invalidated(const tiers::Invalidation& event) noexcept override {
    struct Text {
      std::string operator()(const tiers::PathInvalidated& of) const { return "path " + std::string(of.key); }
      std::string operator()(const tiers::RouteInvalidated& of) const {
        return "route " + std::string(of.name);
      }
      std::string operator()(const tiers::GroupInvalidated& of) const {
        return "group " + std::string(of.name);
      }
      std::string operator()(const tiers::AllInvalidated& /*of*/) const { return "all"; }
      std::string operator()(const tiers::Purged& of) const { return "purge " + of.purge.text; }
    };
    events.push_back({std::visit(Text(), event.what), event.validity, event.sequence});
  }

  std::vector<std::string> keys;
  std::vector<Event> events;
};

struct Tested {
  settings::Settings settings;
  RecordingTier tier;
  Cache cache{{1u << 20, 4, nullptr, 0, {}}};
  test::Request get{"GET /a?x=1"};
  policy::CacheKey key;

  Tested() {
    cache.set_tier(tier);
    auto route = test::ttl_route();
    route.name = "/lists/";
    route.path = pattern("/lists/");
    route.invalidated_by.push_back(pattern("/a"));
    settings.routes.push_back(route);
    route.name = "/pages/";
    route.path = pattern("/pages/");
    route.invalidation = settings::Invalidation::soft;
    settings.routes.push_back(route);
    key.assign("api", "/a", get.head, settings.routes.front());
  }
  static http::PathPattern pattern(const char* text) {
    std::string error;
    return *http::PathPattern::parse(text, error);
  }
  cache::Target target() { return cache.target(settings.routes.front(), 1, key.view(), get.facts); }
  void store(std::vector<std::string> groups = {}) {
    auto response = std::make_shared<store::Response>();
    response->sequence = cache.next_sequence();
    response->groups = std::move(groups);
    response->body = std::make_shared<const std::string>("body");
    REQUIRE(cache.store(target(), response));
    tier.keys.clear();
  }
  [[nodiscard]] bool is_found() { return cache.peek(target()).response != nullptr; }
  bool write(int status, const test::Lines& fields = "") {
    return cache.invalidate({"api", "/a", status, fields, settings});
  }
};

}  // namespace

TEST_CASE("a write that was applied is reported to the tier: path, related paths, groups and routes") {
  Tested tested;
  tested.store();
  const auto before = tested.cache.next_sequence();
  CHECK(tested.write(204, "Location: /b\nCache-Group-Invalidation: \"lists\""));
  const auto& events = tested.tier.events;
  REQUIRE(events.size() == 5);
  CHECK(events[0].what == "path //api/a");
  CHECK(events[0].validity == Validity::invalid);
  CHECK(events[1].what == "path //api/b");
  CHECK(events[2].what == "group " + policy::group_name("//api", "lists"));
  CHECK(events[2].validity == Validity::invalid);
  CHECK(events[3].what == "route /lists/");
  CHECK(events[3].validity == Validity::only_on_error);
  CHECK(events[4].what == "route /pages/");
  CHECK(events[4].validity == Validity::stale_once);
  auto last = before;
  for (const auto& event : events) {
    CHECK(event.sequence > last);
    last = event.sequence;
  }
  CHECK(tested.cache.next_sequence() > last);
  CHECK_FALSE(tested.is_found());
}

TEST_CASE("a write that may have been applied is reported with the validity that its entries have") {
  Tested tested;
  CHECK(tested.write(0));
  REQUIRE(tested.tier.events.size() == 3);
  CHECK(tested.tier.events[0].what == "path //api/a");
  CHECK(tested.tier.events[0].validity == Validity::only_on_error);
}

TEST_CASE("a write that was not applied, and a look-up, are not reported") {
  Tested tested;
  tested.store();
  CHECK_FALSE(tested.write(404));
  cache::Found found;
  tested.cache.find(tested.target(), found);
  (void)tested.cache.peek(tested.target());
  CHECK(tested.tier.events.empty());
  CHECK(tested.tier.keys.empty());
}

TEST_CASE("a purge is reported once, whether or not memory has what it concerns") {
  for (const bool soft : {false, true}) {
    for (const auto what : {Purge::What::path, Purge::What::prefix, Purge::What::group, Purge::What::all}) {
      Tested tested;
      tested.store({"/a"});
      const auto before = tested.cache.next_sequence();
      CHECK(tested.cache.purge({what, "/a", soft}) == 1);
      REQUIRE(tested.tier.events.size() == 1);
      CHECK(tested.tier.events[0].what == "purge /a");
      CHECK(tested.tier.events[0].validity == (soft ? Validity::stale_once : Validity::invalid));
      CHECK(tested.tier.events[0].sequence > before);
      CHECK(tested.is_found() == soft);
      CHECK(tested.tier.keys.size() == (soft ? 0 : 1));
      CHECK(tested.cache.purge({Purge::What::path, "/other", soft}) == 0);
      CHECK(tested.tier.events.size() == 2);
    }
  }
}

TEST_CASE("the invalidation of everything is reported") {
  Tested tested;
  tested.store();
  tested.cache.invalidate_all();
  REQUIRE(tested.tier.events.size() == 1);
  CHECK(tested.tier.events[0].what == "all");
  CHECK(tested.tier.events[0].validity == Validity::only_on_error);
  CHECK(tested.cache.peek(tested.target()).only_on_error != nullptr);
}

TEST_CASE(
    "what a write has invalidated is left out for that reason, and what other settings stored for none") {
  Tested tested;
  cache::Found found;
  tested.store();
  tested.cache.find(tested.target(), found);
  CHECK(found.left_out == policy::Detail::none);
  CHECK(found.response != nullptr);
  CHECK(tested.write(204));
  tested.cache.find(tested.target(), found);
  CHECK(found.left_out == policy::Detail::invalidated);
  CHECK_FALSE(found.entry);
  tested.cache.find(tested.target(), found);
  CHECK(found.left_out == policy::Detail::none);
  tested.store();
  tested.cache.invalidate_all();
  tested.cache.find(tested.target(), found);
  CHECK(found.left_out == policy::Detail::invalidated);
  CHECK(found.only_on_error != nullptr);
  tested.store();
  tested.settings.routes.front().config_fingerprint = 12345;
  tested.cache.find(tested.target(), found);
  CHECK(found.left_out == policy::Detail::none);
  CHECK(found.response == nullptr);
}

TEST_CASE(
    "writes to other paths invalidate nothing that is stored, but what is fetched while they are forgotten") {
  Tested tested;
  tested.store();
  const auto fetched = std::make_shared<store::Response>();
  fetched->sequence = tested.cache.next_sequence();
  fetched->body = std::make_shared<const std::string>("body");
  const test::Lines none("");
  for (int i = 0; i < 30'000; ++i)
    tested.cache.invalidate({"api", "/w" + std::to_string(i), 204, none, tested.settings});
  CHECK(tested.is_found());
  CHECK(tested.cache.mark_overflows() == 1);
  policy::CacheKey other;
  const test::Request request{"GET /c"};
  other.assign("api", "/c", request.head, tested.settings.routes.front());
  const auto target = tested.cache.target(tested.settings.routes.front(), 1, other.view(), request.facts);
  CHECK_FALSE(tested.cache.store(target, fetched));
  CHECK(tested.cache.why_not_valid(*fetched, target) == policy::Detail::mark_overflow);
}
