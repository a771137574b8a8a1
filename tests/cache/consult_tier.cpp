// Looking for a response in the tier behind memory while it is restored.
#include "cache/consult_tier.hpp"

#include "support.hpp"

using namespace larder;

namespace {

// A tier that has restored all that it holds.
class RestoredTier final : public tiers::Tier {
 public:
  [[nodiscard]] bool may_find() const noexcept override { return false; }
  void find(const std::string& /*key*/, std::function<void(bool)> done) override { done(false); }
  void changed(const std::string& /*key*/, std::uint64_t /*hash*/) noexcept override {}
  void invalidated(const tiers::Invalidation& /*event*/) noexcept override {}
};

Task<void> consult(test::Tested& tested, bool& found) {
  const bool is_found = co_await cache::consult_tier(tested.cache, tested.loop, tested.order.key.text());
  found = is_found;
}

bool is_found(test::Tested& tested) {
  bool found = false;
  boost::asio::co_spawn(tested.loop.io(), consult(tested, found), boost::asio::detached);
  tested.turn();
  return found;
}

}  // namespace

// The caller looked in memory before the response was put there, and asks the tier after that.
TEST_CASE("a response that was restored between the two look-ups is found") {
  RestoredTier tier;
  test::Tested tested;
  tested.cache.set_tier(tier);
  CHECK_FALSE(is_found(tested));
  tested.cache.begin_restore();
  REQUIRE(tested.cache.restore(tested.target(), tested.response()));
  tested.cache.end_restore();
  CHECK(is_found(tested));
}
