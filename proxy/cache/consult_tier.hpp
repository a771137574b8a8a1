// Looking for a response behind memory, before the API is requested.
#pragma once

#include "cache/cache.hpp"

namespace larder::cache {

/// Whether the cache's tier had responses for the key, which are in memory now. Waits for at most one second;
/// the look-up may end later.
[[nodiscard]] Task<bool> consult_tier(Cache& cache, Loop& loop, const std::string& key);

}  // namespace larder::cache
