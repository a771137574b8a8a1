// The fetch that leads a fill: ask upstream, judge, project, store, release the readers.
#pragma once

#include "cache/fill.hpp"
#include "cache/fill_table.hpp"
#include "cache/plan.hpp"
#include "policy/tags.hpp"
#include "store/store.hpp"
#include "upstream/trace.hpp"

#include <memory>
#include <string>

namespace larder::cache {

/// A request that outlives the buffer it was read into.
struct OwnedRequest {
  std::string bytes;  // the head, as it came
  std::string peer;
  policy::Arrival arrival;  // its `peer` is a view of the one above
  http::RequestHead head;   // without what only a trusted peer may say

  /// `bytes` has passed the gate with the settings' limits.
  OwnedRequest(std::string_view head_bytes, const settings::Settings& settings, const policy::Arrival& came);
  OwnedRequest(const OwnedRequest&) = delete;
  OwnedRequest& operator=(const OwnedRequest&) = delete;
};

/// What to fetch, and for which key.
struct Order {
  std::shared_ptr<const OwnedRequest> request;
  std::shared_ptr<const Plan> plan;
  const settings::Route* route = nullptr;  // of the plan's settings
  policy::CacheKey key;
  std::uint64_t hash = 0;                       // of `key`, the store's
  std::shared_ptr<const store::Response> held;  // what a 304 would renew; nullptr = nothing
  bool part = false;          // the range that the request asks for, with its If-Range, not the whole
  bool uncollapsed = false;   // nobody joins: the client's own conditions may go on where nothing is held
  bool consult_tier = false;  // before the API
  bool forced = false;        // the route's refresh parameter forces it; the API sees that too
  /// Nobody waits for it yet: it yields to what somebody waits for, and asks upstream as though nobody had
  /// forced it.
  bool background = false;
  /// Of an entry that readers are served meanwhile, though it expires: nobody is to wait for this. May be
  /// nullptr.
  std::shared_ptr<store::AccessHistory> access_history;
  RouteCounters* counters = nullptr;           // of the route, on the loop that fetches
  upstream::Names names;                       // of the request; in the background it gets new ones
  std::optional<policy::TagTranslation> tags;  // for conditions of the client's that go on
};

class Cache;

/// What a fetch works with: its loop's own things, and the cache.
struct Resources {
  Loop& loop;
  upstream::Pool& pool;
  projection::Workspace& workspace;
  Cache& cache;
};

/// Spawns the coroutine that leads the permit's fill, on the loop of `resources`. Whatever happens, here or
/// in it, the fill is settled.
void begin_fetch(Resources resources, Permit permit, Order order);

}  // namespace larder::cache
