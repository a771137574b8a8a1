// The fetch of a fill: requests the API, decides about storing, projects, stores, and releases the waiters.
#pragma once

#include "cache/fill.hpp"
#include "cache/fill_table.hpp"
#include "cache/owned_request.hpp"
#include "cache/plan.hpp"
#include "policy/tags.hpp"
#include "store/store.hpp"
#include "upstream/trace.hpp"

#include <memory>
#include <string>

namespace larder::cache {

/// What to fetch, and for which key.
struct Order {
  std::shared_ptr<const OwnedRequest> request;
  std::shared_ptr<const Plan> plan;
  const settings::Route* route = nullptr;  // of the plan's settings
  policy::CacheKey key;
  std::uint64_t hash = 0;                       // of `key`, by the store
  std::shared_ptr<const store::Response> held;  // the response that a 304 would renew; nullptr = none
  bool part = false;          // fetch the range that the request asks for, with its If-Range
  bool uncollapsed = false;   // no request joins: the client's conditions may be forwarded if nothing is held
  bool consult_tier = false;  // before the API
  bool forced = false;        // forced by the route's refresh parameter, which is forwarded to the API
  /// A background fetch: requests with a waiting client precede it. The refresh parameter is not forwarded.
  bool background = false;
  /// Of an entry that is served during the refresh even if it expires, under a refresh lease. May be nullptr.
  std::shared_ptr<store::AccessHistory> access_history;
  RouteCounters* counters = nullptr;           // of the route, on the loop that fetches
  upstream::Names names;                       // of the request; a background fetch gets new ones
  std::optional<policy::TagTranslation> tags;  // for the client's conditions, if they are forwarded
};

class Cache;

/// What a fetch uses: objects of its loop, and the cache.
struct Resources {
  Loop& loop;
  upstream::Pool& pool;
  projection::Workspace& workspace;
  Cache& cache;
};

/// Spawns the coroutine that leads the permit's fill, on the loop of `resources`. The fill is settled in any
/// case, even after an exception.
void begin_fetch(Resources resources, Permit permit, Order order);

}  // namespace larder::cache
