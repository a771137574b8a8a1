// Detects paths that an API may interpret differently than larder does.
//
// Before routing, some servers remove dot segments, some decode `%2F` or `%5C` to a separator, some decode
// twice, some treat `\` as `/`, and some remove what follows a `;` in a segment. A cache that compares such
// paths as sent could store the response for one resource under the URL of another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// Whether the path has a dot segment (`.`, `..`, also with `%2e`, or followed by `;`), an encoded separator
/// (`%2f`, `%5c`), a `\`, a `;`, an escaped escape (`%252e`), an escaped NUL, or an overlong UTF-8 escape
/// (`%c0%ae`).
[[nodiscard]] bool is_ambiguous_path(std::string_view path) noexcept;

/// The paths to which servers may resolve an ambiguous path, in the form of normalise_path, without
/// duplicates and without `path` itself: decoded once or repeatedly, with and without `;` parameters, with
/// dot segments removed (RFC 3986 5.2.4) and empty segments merged.
[[nodiscard]] std::vector<std::string> resolved_paths(std::string_view path);

}  // namespace larder::http
