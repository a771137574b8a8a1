#include "admin/totals.hpp"

#include <numeric>

namespace larder::admin {

void RouteTotals::Times::add(const Histogram& histogram) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += static_cast<double>(histogram.count(i));
  sum += std::chrono::duration<double>(histogram.sum()).count();
}

double RouteTotals::Times::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

double RouteTotals::requests() const noexcept {
  return std::accumulate(outcomes.begin(), outcomes.end(), 0.0);
}

double RouteTotals::spared() const noexcept {
  using policy::OutcomeLabel;
  double sum = 0;
  for (const auto word : {OutcomeLabel::hit, OutcomeLabel::stale, OutcomeLabel::collapsed})
    sum += outcomes[static_cast<std::size_t>(word)];
  return sum;
}

void RouteTotals::add(const RouteTotals& other) noexcept {
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
  for (std::size_t i = 0; i < not_stored.size(); ++i) not_stored[i] += other.not_stored[i];
  for (const auto member : {&RouteTotals::not_modified, &RouteTotals::body_bytes, &RouteTotals::saved_by_304,
                            &RouteTotals::saved_by_projection, &RouteTotals::saved_by_coding,
                            &RouteTotals::upstream_requests, &RouteTotals::upstream_errors})
    this->*member += other.*member;
  for (const auto member : {&RouteTotals::upstream, &RouteTotals::waits}) {
    auto& times = this->*member;
    const auto& more = other.*member;
    for (std::size_t i = 0; i < times.counts.size(); ++i) times.counts[i] += more.counts[i];
    times.sum += more.sum;
  }
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
      totals.not_modified += value(counters.not_modified);
      totals.body_bytes += value(counters.body_bytes);
      totals.saved_by_304 += value(counters.saved_by_304);
      totals.saved_by_projection += value(counters.saved_by_projection);
      totals.saved_by_coding += value(counters.saved_by_coding);
      totals.upstream_requests += value(counters.upstream_requests);
      totals.upstream_errors += value(counters.upstream_errors);
      totals.upstream.add(counters.upstream);
      totals.waits.add(counters.waits);
    });
  }
  return routes;
}

}  // namespace larder::admin
