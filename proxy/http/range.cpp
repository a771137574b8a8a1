#include "http/range.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

RangeChoice choose_range(Fields request, std::uint64_t size) noexcept {
  const auto* line = find(request, FieldId::range);
  if (line == nullptr || count(request, FieldId::range) > 1) return WholeBody{};
  const auto equals = line->value.find('=');
  if (equals == std::string_view::npos || !iequals(trim(line->value.substr(0, equals)), "bytes"))
    return WholeBody{};
  const auto spec = trim(line->value.substr(equals + 1));
  // RFC 9110 14.2: several ranges may be answered with the whole.
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return WholeBody{};
  const auto first = parse_digits(spec.substr(0, dash));
  const auto last = parse_digits(spec.substr(dash + 1));
  if (!first) {
    if (dash != 0 || !last) return WholeBody{};
    if (*last == 0 || size == 0) return Unsatisfiable{};
    return ByteRange{size - std::min(*last, size), size - 1};
  }
  if (!last && dash + 1 != spec.size()) return WholeBody{};
  if (last && *last < *first) return WholeBody{};  // 14.1.1: invalid
  if (*first >= size) return Unsatisfiable{};
  return ByteRange{*first, last ? std::min(*last, size - 1) : size - 1};
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
