// Paths that an API may read in another way than larder does.
//
// Servers differ in what they do before they route: some remove dot segments, some decode `%2F` or `%5C` to a
// separator, some decode twice, some take `\` for `/`, some drop what follows a `;` in a segment. A cache
// that compares such a path as it was sent could store one resource's response under the URL of another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// True for a path with a dot segment (`.`, `..`, also with `%2e`, or followed by `;`), an encoded separator
/// (`%2f`, `%5c`), a `\`, a `;`, an escape of an escape (`%252e`) or of NUL, or an overlong UTF-8 escape
/// (`%c0%ae`).
[[nodiscard]] bool is_ambiguous_path(std::string_view path) noexcept;

/// The paths that servers may make of an ambiguous one, each in the form of normalise_path and once: decoded
/// once or repeatedly, with and without `;` parameters, dot segments removed (RFC 3986 5.2.4), empty segments
/// merged. Without those that equal `path`.
[[nodiscard]] std::vector<std::string> resolved_paths(std::string_view path);

}  // namespace larder::http
