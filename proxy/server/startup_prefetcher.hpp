// Fetches the `warm` routes at start, and those that a reload adds: readers find them there.
//
// Of the first loop. Each is a fill like any other, in the background; one that fails is tried again until it
// is there, or the settings do not name it any more.
#pragma once

#include "server/worker.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace larder::server {

class StartupPrefetcher {
 public:
  explicit StartupPrefetcher(Worker& worker) : worker_(worker) {}
  StartupPrefetcher(const StartupPrefetcher&) = delete;
  StartupPrefetcher& operator=(const StartupPrefetcher&) = delete;

  /// Begins to fetch what is new in the worker's plan. `host` is for which, where cache.warm_hosts names
  /// none.
  void begin(const std::string& host);
  void stop();

  /// How many have not been fetched yet; on any thread.
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.load(std::memory_order_relaxed); }

 private:
  struct Target;
  [[nodiscard]] Task<void> warm(std::shared_ptr<Target> target);
  /// True where there is nothing more to be done.
  [[nodiscard]] Task<bool> try_once(std::shared_ptr<Target> target);

  Worker& worker_;
  std::map<std::string, std::shared_ptr<Target>> targets_;  // by what they ask for
  std::atomic<std::size_t> pending_{0};
};

/// The authority by which clients of that listener are likely to call it: `names` are the server's.
[[nodiscard]] std::string authority_of(const std::vector<std::string>& names);

}  // namespace larder::server
