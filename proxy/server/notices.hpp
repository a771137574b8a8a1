// Warnings that are logged once, about changes to requests that clients do not notice but operators need to
// know.
//
// Callable from any thread. Each kind is limited; beyond the limit nothing more of it is logged.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace larder::server {

class Notices {
 public:
  /// A peer that is not in trusted_proxies sent `field`, which was replaced or removed; once for each peer.
  void forwarding_replaced(std::string_view peer, std::string_view field);
  /// A field was dropped for the underscore in its name; once for each name.
  void underscore_dropped(std::string_view field);
  /// A request with a credential bypassed the cache, or its response was not stored; once for each route.
  void credentials_refused(std::string_view route);
  /// A client's connection was closed or refused because there are `bound` of them; once a minute.
  void too_many_connections(std::int64_t bound);
  /// A connection to a listener with proxy_protocol was closed; once for each peer. `why`: what it did.
  void proxy_refused(std::string_view peer, std::string_view why);
  /// A connection could not be accepted; once a minute.
  void cannot_accept(std::string_view reason);

 private:
  static constexpr std::size_t max_notices = 256;  // of each kind
  /// True for the first notice with that name.
  [[nodiscard]] bool is_first(std::set<std::string, std::less<>>& known, std::string_view name);

  using Time = std::chrono::steady_clock::time_point;
  /// True at most once a minute.
  [[nodiscard]] bool is_due(std::optional<Time>& last);

  std::mutex mutex_;
  std::optional<Time> last_too_many_;
  std::optional<Time> last_cannot_accept_;
  std::set<std::string, std::less<>> peers_;
  std::set<std::string, std::less<>> proxies_;
  std::set<std::string, std::less<>> fields_;
  std::set<std::string, std::less<>> routes_;
};

}  // namespace larder::server
