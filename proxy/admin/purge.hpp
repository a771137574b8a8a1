// Purging: POST /api/purge, and `larder purge`, which asks for it.
#pragma once

#include "admin/access.hpp"
#include "policy/purge.hpp"
#include "server/server.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::admin {

/// `{"path": "/topics/"}`, `{"prefix": ...}`, `{"group": ...}` or `{"all": true}`, and `"soft": true`.
/// `body` is nullptr where it could not be read. On any thread.
[[nodiscard]] Answer purge(server::Server& server, const std::string* body);

[[nodiscard]] std::string purge_json(const policy::Purge& what);
/// What the answer says, as a sentence. False where it is no success.
[[nodiscard]] bool read_purge_answer(int status, const std::string& body, std::string& said);

}  // namespace larder::admin
