#include "admin/totals.hpp"

#include <algorithm>
#include <numeric>

namespace larder::admin {

void RouteTotals::Times::add(const Histogram& histogram) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += static_cast<double>(histogram.count(i));
  sum += std::chrono::duration<double>(histogram.sum()).count();
}

void RouteTotals::Times::add(const Times& other) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum += other.sum;
}

double RouteTotals::Times::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

double RouteTotals::requests() const noexcept {
  return std::accumulate(outcomes.begin(), outcomes.end(), 0.0);
}

// Background fetches are requests to the API too.
double RouteTotals::spared() const noexcept {
  return std::max(
      requests() - upstream_requests - outcomes[static_cast<std::size_t>(policy::OutcomeLabel::refused)],
      0.0);
}

void RouteTotals::add(const RouteTotals& other) noexcept {
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
  for (std::size_t i = 0; i < not_stored.size(); ++i) not_stored[i] += other.not_stored[i];
#define LARDER_ADD(name, ...) name += other.name;
  LARDER_ROUTE_COUNTERS(LARDER_ADD)
#undef LARDER_ADD
#define LARDER_ADD(name, ...) name.add(other.name);
  LARDER_ROUTE_TIMES(LARDER_ADD)
#undef LARDER_ADD
}

std::map<std::string, RouteTotals> totals_of(const server::Server& server) {
  std::map<std::string, RouteTotals> routes;
  const auto value = [](const Counter& counter) { return static_cast<double>(counter.value()); };
  for (const auto& worker : server.workers()) {
    worker->each_route([&](const std::string& name, const RouteCounters& counters) {
      auto& totals = routes[name];
      for (std::size_t i = 0; i < policy::label_count; ++i) totals.outcomes[i] += value(counters.outcomes[i]);
      for (std::size_t i = 0; i < policy::detail_count; ++i)
        totals.not_stored[i] += value(counters.not_stored[i]);
#define LARDER_ADD(name, ...) totals.name += value(counters.name);
      LARDER_ROUTE_COUNTERS(LARDER_ADD)
#undef LARDER_ADD
#define LARDER_ADD(name, ...) totals.name.add(counters.name);
      LARDER_ROUTE_TIMES(LARDER_ADD)
#undef LARDER_ADD
    });
  }
  return routes;
}

}  // namespace larder::admin
