// Fetches the `warm` routes at startup, and those that a reload adds.
//
// Belongs to the first loop. Each fetch is a background fill. One that fails is retried until the response is
// stored or the settings no longer contain the route.
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

  /// Begins to fetch the routes that are new in the worker's plan, for the Host `host` unless
  /// cache.warm_hosts is set.
  void begin(const std::string& host);
  void stop();

  /// The number of routes not fetched yet. Callable on any thread.
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.load(std::memory_order_relaxed); }

 private:
  struct Target;
  [[nodiscard]] Task<void> warm(std::shared_ptr<Target> target);
  /// True if nothing remains to be done.
  [[nodiscard]] Task<bool> try_once(std::shared_ptr<Target> target);

  Worker& worker_;
  std::map<std::string, std::shared_ptr<Target>> targets_;  // by their URLs
  std::atomic<std::size_t> pending_{0};
};

/// The Host that clients of the first listener are likely to send; `names` are the server's.
[[nodiscard]] std::string authority_of(const std::vector<std::string>& names);

}  // namespace larder::server
