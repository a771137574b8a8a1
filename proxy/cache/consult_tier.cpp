#include "cache/consult_tier.hpp"

#include "net/post_memory.hpp"

#include <memory>

namespace larder::cache {

namespace {

constexpr Millis tier_timeout{1000};  // then the API is requested

struct LookUp {
  explicit LookUp(Loop& its_loop) : loop(its_loop), event(its_loop) {}
  Loop& loop;
  Event event;
  PostMemory waking;
  bool found = false;
};

}  // namespace

Task<bool> consult_tier(Cache& cache, Loop& loop, const std::string& key) {
  auto* tier = cache.tier();
  if (tier == nullptr) co_return false;
  // Everything is in memory now, but may not have been when the caller looked there.
  if (!tier->may_find()) co_return cache.stored().peek(key, cache.hash(key)) != nullptr;
  const auto look_up = std::make_shared<LookUp>(loop);
  tier->find(key, [look_up](bool found) {
    look_up->found = found;
    look_up->waking.post(look_up->loop, look_up, [](LookUp& ended) { ended.event.raise(); });
  });
  co_return co_await look_up->event.wait_for(tier_timeout) && look_up->found;
}

}  // namespace larder::cache
