// Counters of every loop, summed and written as Prometheus text.
#pragma once

#include "server/server.hpp"

#include <string>

namespace larder::admin {

/// The exposition (text format 0.0.4). Labels come from fixed sets and the configuration's routes alone.
[[nodiscard]] std::string metrics_text(const server::Server& server);

}  // namespace larder::admin
