// Checks a configuration against the API: whether the responses that routes are to cache may be cached.
#pragma once

#include "cache/plan.hpp"
#include "settings/load.hpp"

#include <string>
#include <vector>

namespace larder::admin {

struct Probe {
  std::vector<settings::Problem> warnings;
  std::vector<std::string> not_asked;  // which routes were not checked, and why
};

/// Requests each ttl route with an exact path, and each of the `samples` (paths with their query), once,
/// without cookies, one after the other, for at most half a minute. Warns if policy::judge would not store
/// the response, judging by its head, and, where the route projects, of names in `fields` and `items` that
/// the body does not have.
[[nodiscard]] Probe probe_upstream(const cache::Plan& plan, const std::vector<std::string>& samples);

}  // namespace larder::admin
