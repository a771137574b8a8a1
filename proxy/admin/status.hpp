// How larder is doing, and what it holds: GET /api/status, GET /api/entries.
#pragma once

#include "server/server.hpp"

#include <cstdint>
#include <string>

namespace larder::admin {

/// Everything at a glance, as one JSON object. On any thread.
[[nodiscard]] std::string status_json(const server::Server& server);

/// What is stored, as JSON: at most `limit` entries whose path begins with `prefix`. It may visit every
/// entry. On any thread.
[[nodiscard]] std::string entries_json(server::Server& server, const std::string& prefix, std::size_t limit);

}  // namespace larder::admin
