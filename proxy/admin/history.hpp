// The history of each route over the last hour, in steps, for the plots of the status page: GET /api/history.
// Steps are short at first; whenever the table is full, pairs of steps are merged and the step length
// doubles, so that there are plots soon after the start.
#pragma once

#include "admin/totals.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace larder::admin {

/// Figures of one route in one step.
struct Step {
  double requests = 0;
  double spared = 0;  // completed without a request to the API of their own
  double upstream_answers = 0;
  double upstream_seconds = 0;  // sum
  double waited_seconds = 0;    // sum
  double failures = 0;          // of requests to the API
};

/// Records the growth of counters. Not thread-safe.
class History {
 public:
  static constexpr policy::Millis shortest{1'000};
  static constexpr policy::Millis longest{16'000};
  static constexpr std::size_t steps = 240;   // at the longest step, slightly more than an hour
  static constexpr std::size_t routes = 100;  // maximum number of routes; those with requests take precedence

  /// Records the current totals. The first call sets the baseline; a call within a step of the last one has
  /// no effect.
  void note(const std::map<std::string, RouteTotals>& totals, policy::MonoTime now);

  /// The history with the current step, up to `totals`: `{"step_seconds": 4, "routes": [{"route": "/topics/",
  /// "requests": [...], "spared": [...], "api": [...], "wait": [...], "failed": [...]}]}`. The oldest step
  /// comes first; all lists have the same length. `api` is the API's mean response time and `wait` the mean
  /// time that requests waited, in seconds; null in steps without any. `failed` is the number of requests to
  /// the API that failed.
  [[nodiscard]] std::string json(const std::map<std::string, RouteTotals>& totals) const;

 private:
  std::map<std::string, RouteTotals> last_;
  std::map<std::string, std::deque<Step>> kept_;  // only routes that had requests
  void merge();

  policy::Millis step_ = shortest;
  std::size_t length_ = 0;
  std::optional<policy::MonoTime> noted_;
};

}  // namespace larder::admin
