// Purging: POST /api/purge, and `larder purge`, which asks for it.
#pragma once

#include "policy/purge.hpp"
#include "server/server.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::admin {

struct Answer {
  int status = 200;
  std::string text;  // JSON for 200, else a sentence
};

/// `{"path": "/topics/"}`, `{"prefix": ...}`, `{"group": ...}` or `{"all": true}`, and `"soft": true`.
/// Refuses what a page of another site could make a browser send. `body` is nullopt where it could not be
/// read.
/// The arguments outlive the task.
[[nodiscard]] Task<Answer> purge(server::Server& server, const http::RequestHead& head,
                                 const std::optional<std::string>& body);

/// Why a request that changes something is refused; nullopt where it is not. Browsers say where a request
/// comes from, and a name that somebody else's DNS led here is no name of the admin listener's.
[[nodiscard]] std::optional<Answer> against_change(const http::RequestHead& head);

[[nodiscard]] std::string purge_json(const policy::Purge& what);
/// What the answer says, as a sentence. False where it is no success.
[[nodiscard]] bool read_purge_answer(int status, const std::string& body, std::string& said);

}  // namespace larder::admin
