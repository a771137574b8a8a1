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
    [[nodiscard]] double count() const noexcept;
  };
  std::array<double, policy::label_count> outcomes{};
  double not_modified = 0;
  double body_bytes = 0;
  double saved_by_304 = 0;
  double saved_by_projection = 0;
  double saved_by_coding = 0;
  double upstream_requests = 0;
  double upstream_errors = 0;
  Times upstream;
  Times waits;
  std::array<double, policy::detail_count> not_stored{};

  [[nodiscard]] double requests() const noexcept;
  /// Requests completed without a request to the API of their own.
  [[nodiscard]] double spared() const noexcept;
  void add(const RouteTotals& other) noexcept;
};

/// By route name; "" for requests that match no route. Callable from any thread.
[[nodiscard]] std::map<std::string, RouteTotals> totals_of(const server::Server& server);

}  // namespace larder::admin
