// Byte ranges (RFC 9110 14).
#pragma once

#include "http/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace larder::http {

struct WholeBody {};      // send the whole: no Range, another unit, several ranges, or a malformed Range
struct Unsatisfiable {};  // 416
struct ByteRange {        // inclusive positions, limited to the body's size
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
using RangeChoice = std::variant<WholeBody, ByteRange, Unsatisfiable>;

/// A Range of one byte range (RFC 9110 14.1.2): `2-5`, `2-` (no last), `-5` (no first: the last 5 bytes).
struct RangeSpec {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
};
/// Parses Range. nullopt if the whole representation is to be sent: there is no Range, or it has another
/// unit, several ranges or several lines, or is malformed.
[[nodiscard]] std::optional<RangeSpec> parse_range(Fields request) noexcept;

/// The bytes that a range selects of a representation of `size` bytes.
[[nodiscard]] RangeChoice choose_range(const RangeSpec& range, std::uint64_t size) noexcept;
/// The bytes that a request's Range selects of a body of `size` bytes.
[[nodiscard]] RangeChoice choose_range(Fields request, std::uint64_t size) noexcept;

/// Content-Range of a 206 (RFC 9110 14.4): `bytes 0-9/20` or `bytes 0-9/*`.
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> complete;
};
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view value) noexcept;

}  // namespace larder::http
