// What a write makes void (RFC 9111 4.4).
#pragma once

#include "http/fields.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// Replaces `out` by a target's name for the write log: `http://host/path`, as a primary key begins. Every
/// query of the path is meant.
void write_target(std::string_view authority, std::string_view normalised_path, std::string& out);

/// Whether an answer to that method says that the write went through: an unsafe method, and a status that is
/// no error (2xx or 3xx).
[[nodiscard]] bool is_invalidating(http::Method method, int status) noexcept;

/// The targets of Location and Content-Location of such an answer, of the same origin as the request (RFC
/// 9111 4.4), as write_target writes them.
[[nodiscard]] std::vector<std::string> related_targets(std::string_view authority, std::string_view path,
                                                       http::Fields response);

/// Whether the answer to a POST is what a GET of the same target would get (RFC 9110 9.3.3): a 200 on a route
/// that goes by the book and changes nothing, with explicit freshness and a Content-Location that names the
/// target itself (`target`: path and query as sent).
[[nodiscard]] bool answers_get(http::Method method, const settings::Route& route, int status,
                               http::Fields response, std::string_view authority, std::string_view target);

}  // namespace larder::policy
