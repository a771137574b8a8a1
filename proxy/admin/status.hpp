// State and contents of larder: GET /api/status, GET /api/entries.
#pragma once

#include "server/server.hpp"

#include <cstdint>
#include <string>

namespace larder::admin {

/// A summary as one JSON object. Callable from any thread.
[[nodiscard]] std::string status_json(const server::Server& server);

/// The stored entries as JSON: at most `limit` entries whose path begins with `prefix`. May visit all
/// entries. Callable from any thread.
[[nodiscard]] std::string entries_json(server::Server& server, const std::string& prefix, std::size_t limit);

}  // namespace larder::admin
