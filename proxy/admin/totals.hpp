// Counters of each route, summed over all loops, for metrics and status.
#pragma once

#include "server/server.hpp"

#include <array>
#include <map>
#include <string>

namespace larder::admin {

struct RouteTotals {
  struct Times {
    std::array<double, Histogram::bounds.size() + 1> counts{};
    double sum = 0;  // seconds

    void add(const Histogram& histogram) noexcept;
    void add(const Times& other) noexcept;
    [[nodiscard]] double count() const noexcept;
  };
#define LARDER_TOTAL(name, ...) double name = 0;
#define LARDER_TIMES(name, ...) Times name;
  LARDER_ROUTE_COUNTERS(LARDER_TOTAL)
  LARDER_ROUTE_TIMES(LARDER_TIMES)
#undef LARDER_TOTAL
#undef LARDER_TIMES
  std::array<double, policy::label_count> outcomes{};
  std::array<double, policy::detail_count> not_stored{};

  [[nodiscard]] double requests() const noexcept;
  /// Requests to the API that were avoided: how many fewer it got than clients sent.
  [[nodiscard]] double spared() const noexcept;
  void add(const RouteTotals& other) noexcept;
};

/// By route name; "" for requests that match no route. Callable from any thread.
[[nodiscard]] std::map<std::string, RouteTotals> totals_of(const server::Server& server);

}  // namespace larder::admin
