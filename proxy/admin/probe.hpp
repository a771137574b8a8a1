// Checks a configuration against the API: whether the responses that routes are to cache may be cached.
#pragma once

#include "settings/load.hpp"

#include <string>
#include <vector>

namespace larder::admin {

struct Probe {
  std::vector<settings::Problem> warnings;
  std::string not_asked;  // why some or all routes were not checked; empty if all were
};

/// Requests each ttl route with an exact path once, without cookies, one after the other, for at most half a
/// minute. Warns if policy::judge would not store the response, judging by its head; bodies are not read.
[[nodiscard]] Probe probe_upstream(const settings::Settings& settings);

}  // namespace larder::admin
