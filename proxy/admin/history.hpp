// The last hour of every route, in steps: for the status page's plots, GET /api/history. The steps are short
// while larder is young; as they fill up two become one, so that there is always something to be seen.
#pragma once

#include "admin/totals.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace larder::admin {

/// Of one route in one step.
struct Step {
  double requests = 0;
  double spared = 0;  // answered without a request upstream of their own
  double upstream_answers = 0;
  double upstream_seconds = 0;  // of all those together
  double waited_seconds = 0;    // of all requests together
};

/// Takes totals, which only grow, and keeps what they grew by. On one thread.
class History {
 public:
  static constexpr policy::Millis shortest{1'000};
  static constexpr policy::Millis longest{16'000};
  static constexpr std::size_t steps = 240;   // of the longest, a little more than an hour
  static constexpr std::size_t routes = 100;  // those that are asked for come first; more are left out

  /// The totals now. The first call is where counting begins; one that comes sooner than a step after the
  /// last changes nothing.
  void note(const std::map<std::string, RouteTotals>& totals, policy::MonoTime now);

  /// With the step that is under way, up to `totals`.
  /// `{"step_seconds": 4, "routes": [{"route": "/topics/", "requests": [...], "spared": [...], "api": [...],
  /// "wait": [...]}]}`: the oldest step first, all lists of a length. `api` is how long upstream took for an
  /// answer, `wait` how long a request waited, means in seconds; null where there was none.
  [[nodiscard]] std::string json(const std::map<std::string, RouteTotals>& totals) const;

 private:
  std::map<std::string, RouteTotals> last_;
  std::map<std::string, std::deque<Step>> kept_;  // of routes with anything in it
  void merge();

  policy::Millis step_ = shortest;
  std::size_t length_ = 0;
  std::optional<policy::MonoTime> noted_;
};

}  // namespace larder::admin
