// How larder is doing, and what it holds: GET /api/status, GET /api/entries.
#pragma once

#include "server/server.hpp"

#include <cstdint>
#include <string>

namespace larder::admin {

/// Everything at a glance, as one JSON object. On the first loop.
[[nodiscard]] std::string status_json(const server::Server& server);

/// What is stored, as JSON: at most so many entries whose path begins so. The first loop turns meanwhile.
[[nodiscard]] Task<std::string> entries_json(server::Server& server, std::string prefix, std::size_t most);

}  // namespace larder::admin
