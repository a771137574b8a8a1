// What a write makes void (RFC 9111 4.4).
#pragma once

#include "http/fields.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// Replaces `out` by a target's name for the write log: `//host/path`, which is the invalidation_key of its
/// primary keys. Every query of the path is meant, under both schemes.
void write_target(std::string_view authority, std::string_view normalised_path, std::string& out);

/// What the response to an unsafe method says of the write.
enum class WriteEffect : std::uint8_t {
  none,      // 4xx, or interim: it was not applied
  applied,   // 2xx or 3xx (RFC 9111 4.4)
  possible,  // 5xx, or a protocol was switched: it may have been applied
};
[[nodiscard]] WriteEffect write_effect(int status) noexcept;

/// The paths of a write's target beside the one that was sent, which servers may make of it; normalised.
[[nodiscard]] std::vector<std::string> other_paths_of(std::string_view path);

/// The targets of Location and Content-Location of such a response, of the same origin as the request (RFC
/// 9111 4.4), as write_target writes them.
[[nodiscard]] std::vector<std::string> related_targets(std::string_view authority, std::string_view path,
                                                       http::Fields response);

/// Whether the answer to a POST is what a GET of the same target would get (RFC 9110 9.3.3): a 200 on a route
/// that goes by the book and changes nothing, with explicit freshness and a Content-Location that names the
/// target itself (`target`: path and query as sent).
[[nodiscard]] bool answers_get(http::Method method, const settings::Route& route, int status,
                               http::Fields response, std::string_view authority, std::string_view target);

}  // namespace larder::policy
