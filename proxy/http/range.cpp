#include "http/range.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

std::optional<RangeSpec> parse_range(Fields request) noexcept {
  const auto* line = find(request, FieldId::range);
  if (line == nullptr || count(request, FieldId::range) > 1) return std::nullopt;
  const auto equals = line->value.find('=');
  if (equals == std::string_view::npos || !iequals(trim(line->value.substr(0, equals)), "bytes"))
    return std::nullopt;
  const auto spec = trim(line->value.substr(equals + 1));
  // RFC 9110 14.2 permits ignoring a Range of several ranges.
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return std::nullopt;
  const RangeSpec range{parse_digits(spec.substr(0, dash)), parse_digits(spec.substr(dash + 1))};
  if (!range.first && (dash != 0 || !range.last)) return std::nullopt;
  if (!range.last && dash + 1 != spec.size()) return std::nullopt;
  if (range.first && range.last && *range.last < *range.first) return std::nullopt;  // 14.1.1: invalid
  return range;
}

RangeChoice choose_range(const RangeSpec& range, std::uint64_t size) noexcept {
  if (!range.first) {
    const auto suffix = range.last.value_or(0);
    if (suffix == 0 || size == 0) return Unsatisfiable{};
    return ByteRange{size - std::min(suffix, size), size - 1};
  }
  if (*range.first >= size) return Unsatisfiable{};
  return ByteRange{*range.first, range.last ? std::min(*range.last, size - 1) : size - 1};
}

RangeChoice choose_range(Fields request, std::uint64_t size) noexcept {
  const auto range = parse_range(request);
  if (!range) return WholeBody{};
  return choose_range(*range, size);
}

std::optional<ContentRange> parse_content_range(std::string_view value) noexcept {
  const auto blank = value.find(' ');
  if (blank == std::string_view::npos || !iequals(value.substr(0, blank), "bytes")) return std::nullopt;
  const auto spec = trim(value.substr(blank + 1));
  const auto dash = spec.find('-');
  const auto slash = spec.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = parse_digits(spec.substr(0, dash));
  const auto last = parse_digits(spec.substr(dash + 1, slash - dash - 1));
  const auto complete = spec.substr(slash + 1);
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{*first, *last, std::nullopt};
  if (complete == "*") return range;
  range.complete = parse_digits(complete);
  if (!range.complete || *range.complete <= *last) return std::nullopt;
  return range;
}

}  // namespace larder::http
