// Parses the response of GET /api/status for the commands, and formats its figures.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace larder::admin {

/// Totals since the start; seconds are sums.
struct RouteFigures {
  std::string name;  // "" for requests that match no route
  double requests = 0;
  double spared = 0;  // requests to the API that were avoided
  double upstream_requests = 0;
  double upstream_errors = 0;
  double upstream_5xx = 0;
  double upstream_answers = 0;
  double upstream_seconds = 0;
  double waited_seconds = 0;
  double saved_by_304 = 0;  // bytes
  double saved_by_projection = 0;
  double saved_by_coding = 0;

  [[nodiscard]] double saved() const noexcept { return saved_by_304 + saved_by_projection + saved_by_coding; }
};

struct Snapshot {
  std::string version;
  std::string upstream;
  double uptime_seconds = 0;
  bool draining = false;
  bool breaker_open = false;
  double busy = 0;   // requests in progress at the API
  double queue = 0;  // requests that wait for a connection
  double upstream_errors = 0;
  std::optional<double> upstream_heard_seconds_ago;  // absent before the first response
  double persist_failures = 0;
  double log_lines_dropped = 0;
  double connections = 0;
  double entries = 0;
  double stored_bytes = 0;
  double memory_bytes = 0;
  double evictions = 0;
  double spared_seconds = 0;
  std::optional<bool> last_reload_ok;
  double last_reload_seconds_ago = 0;
  RouteFigures total;
  std::vector<RouteFigures> routes;
};

/// nullopt if `json` was not made by status_json.
[[nodiscard]] std::optional<Snapshot> read_snapshot(const std::string& json);

/// Prints the output of `larder status`.
void print_status(const Snapshot& snapshot, std::ostream& out);

[[nodiscard]] std::string count_text(double value);            // 12345
[[nodiscard]] std::string size_text(double bytes);             // 1.2 MiB
[[nodiscard]] std::string time_text(double seconds);           // 12 ms
[[nodiscard]] std::string share_text(double part, double of);  // 98.7 %; "-" if `of` is 0

}  // namespace larder::admin
