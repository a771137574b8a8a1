// What a write invalidates (RFC 9111 4.4).
#pragma once

#include "http/fields.hpp"
#include "http/host.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// Writes to `out` the invalidation key of a target, `//host/path`. It stands for all queries of the path and
/// for both schemes.
void write_target(std::string_view authority, std::string_view normalised_path, std::string& out,
                  http::Scheme scheme = http::Scheme::http);

/// What the response to an unsafe method says about the write.
enum class WriteEffect : std::uint8_t {
  none,      // 4xx or interim: the write was not applied
  applied,   // 2xx or 3xx: it was applied (RFC 9111 4.4)
  possible,  // 5xx or 101: it may have been applied
};
[[nodiscard]] WriteEffect write_effect(int status) noexcept;

/// Other paths to which a server may resolve the path of a write, normalised; empty if the path is
/// unambiguous.
[[nodiscard]] std::vector<std::string> other_paths_of(std::string_view path);

/// The invalidation keys of Location and Content-Location that have the origin of the request (RFC 9111 4.4).
[[nodiscard]] std::vector<std::string> related_targets(std::string_view authority, std::string_view path,
                                                       http::Fields response,
                                                       http::Scheme scheme = http::Scheme::http);

/// The names, in the invalidation log, of the bindings of a route's response at `path`, a normalised path
/// that the route matches: one for each set of bound placeholders (`{=id}`) of a pattern in the route's
/// `invalidated_by`, with the segments that `path` has for them. A binding is invalidated like a group.
[[nodiscard]] std::vector<std::string> bindings_of(const settings::Route& route, std::string_view path);

/// The name of the binding that a write to `written`, a normalised path, invalidates through `pattern`, which
/// is in the route's `invalidated_by`, matches it, and has bound placeholders.
[[nodiscard]] std::string binding_written(const settings::Route& route, const http::PathPattern& pattern,
                                          std::string_view written);

/// Whether the response to a POST is also the response to a GET of the same target (RFC 9110 9.3.3): a 200
/// with an explicit freshness lifetime and a Content-Location that names the target itself (`target`: path
/// and query as sent), on a route with `cache: standard` and no projection.
[[nodiscard]] bool answers_get(http::Method method, const settings::Route& route, int status,
                               http::Fields response, std::string_view authority, std::string_view target);

}  // namespace larder::policy
