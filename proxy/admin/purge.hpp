// Purging: POST /api/purge, and `larder purge`, which sends it.
#pragma once

#include "admin/access.hpp"
#include "policy/purge.hpp"
#include "server/server.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::admin {

/// Handles a purge request: `{"path": "/topics/"}`, `{"prefix": ...}`, `{"group": ...}` or `{"all": true}`,
/// optionally with `"soft": true`. `body` is nullptr if it could not be read. Callable from any thread.
[[nodiscard]] Answer purge(server::Server& server, const std::string* body);

[[nodiscard]] std::string purge_json(const policy::Purge& what);
/// Reads the response to a purge into a sentence. Returns false if the purge failed.
[[nodiscard]] bool read_purge_answer(int status, const std::string& body, std::string& said);

}  // namespace larder::admin
