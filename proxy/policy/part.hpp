// Range requests for stored responses, and stored parts of representations (RFC 9110 14, RFC 9111 3.3, 3.4).
#pragma once

#include "http/range.hpp"
#include "policy/request.hpp"
#include "policy/stored.hpp"

#include <optional>
#include <variant>

namespace larder::policy {

/// How a stored response satisfies a request's Range (RFC 9110 14.2). Preconditions are evaluated separately.
struct Whole {};          // send all that is stored: no range is requested, or If-Range does not match
struct Unsatisfiable {};  // 416
using Cut = std::variant<Whole, http::ByteRange, Unsatisfiable>;  // positions in the complete representation

/// Whether `stored` has the bytes that the request needs: it is complete, or a part that contains the
/// requested range. A request without a range, or whose If-Range does not match, needs the complete
/// representation.
[[nodiscard]] bool has_bytes_for(const RequestFacts& request, const StoredMeta& stored, WallTime now);

/// The bytes to send from a stored 200, or from a part for which has_bytes_for is true. `entity_tag` and
/// `size` are those of the representation that would be sent, which may have a content coding.
[[nodiscard]] Cut cut_for(const RequestFacts& request, const StoredMeta& stored, std::string_view entity_tag,
                          std::uint64_t size, WallTime now);

/// The part that a 206 contains, from its Content-Range; nullopt if that field is missing, malformed or in
/// another unit, or if the response is multipart.
[[nodiscard]] std::optional<Part> part_of(http::Fields response);

/// Adjusts a part to the size of the body that was received. If the body is shorter than Content-Range says,
/// the part ends where the body ends; if the part was to reach the end of the representation, the complete
/// length is reduced as well. Such a part is not `exact` and is never combined. Returns false if the body is
/// empty or longer than Content-Range says.
[[nodiscard]] bool fit(Part& part, std::uint64_t body_size);

/// Combines two parts (RFC 9111 3.4): the range of both together if they overlap or are adjacent and have the
/// same strong validator; else nullopt.
[[nodiscard]] std::optional<Part> joined(const StoredMeta& a, const StoredMeta& b);

/// The position from which to request the rest of a stored part, so that both together are complete; nullopt
/// unless the part starts at 0, is exact, is of known complete length and has a strong entity tag for
/// If-Range.
[[nodiscard]] std::optional<std::uint64_t> rest_of(const StoredMeta& stored);

}  // namespace larder::policy
