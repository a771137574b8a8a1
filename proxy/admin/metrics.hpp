// The counters of all loops, summed, in the Prometheus text format.
#pragma once

#include "server/server.hpp"

#include <string>

namespace larder::admin {

/// The exposition (text format 0.0.4). Label values come only from fixed sets and from the routes of the
/// configuration, so that clients cannot create series.
[[nodiscard]] std::string metrics_text(const server::Server& server);

}  // namespace larder::admin
