// Ranges of stored responses, and parts of representations that are stored (RFC 9110 14, RFC 9111 3.3, 3.4).
#pragma once

#include "http/range.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <optional>
#include <variant>

namespace larder::policy {

/// What a stored response makes of a request's Range (RFC 9110 14.2), its preconditions apart.
struct Whole {};          // all that is stored: there is no range to answer, or If-Range rules it out
struct Unsatisfiable {};  // 416
using Cut = std::variant<Whole, http::ByteRange, Unsatisfiable>;  // positions in the whole representation

/// `stored` may answer the request as far as its bytes go: it is whole, or it is a part that has the range
/// asked for. A request without a range, or whose If-Range does not name it, needs the whole.
[[nodiscard]] bool has_bytes_for(const RequestFacts& request, const StoredMeta& stored, WallTime now);

/// For a stored 200, or a part that has the bytes. `entity_tag` and `size` are of the representation that
/// would be sent, which may be a coded one.
[[nodiscard]] Cut cut_for(const RequestFacts& request, const StoredMeta& stored, std::string_view entity_tag,
                          std::uint64_t size, WallTime now);

/// The part that a 206 brings, by its Content-Range; nullopt where that is missing, malformed or of another
/// unit, or the answer has several parts.
[[nodiscard]] std::optional<Part> part_of(http::Fields response);

/// Brings a part in line with the bytes that came. A body that is shorter than Content-Range said is taken at
/// its word, and where it was to reach the end of the representation, that is where the body ends; such a
/// part is not `exact` and never combined. False for one that is empty or longer than said.
[[nodiscard]] bool fit(Part& part, std::uint64_t body_size);

/// Whether two parts are of one representation, by a strong validator that both have (RFC 9111 3.4), and
/// overlap or meet; then what they are together.
[[nodiscard]] std::optional<Part> joined(const StoredMeta& a, const StoredMeta& b);

/// The position from which the rest of a stored part is to be asked for, so that both make the whole: it has
/// the beginning, and a strong entity tag that If-Range can name.
[[nodiscard]] std::optional<std::uint64_t> rest_of(const StoredMeta& stored);

}  // namespace larder::policy
