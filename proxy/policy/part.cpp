#include "policy/part.hpp"

#include "http/date.hpp"
#include "http/etag.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

// RFC 9110 8.8.2.2: Last-Modified is a strong validator only if it is at least 60 s older than the Date of
// the same response.
bool is_strong_date(const StoredMeta& stored) {
  return stored.last_modified && stored.date &&
         *stored.date - *stored.last_modified >= std::chrono::seconds{60};
}

// RFC 9110 13.1.5. True if the request has no If-Range.
bool if_range_holds(const RequestFacts& request, const StoredMeta& stored, std::string_view entity_tag,
                    WallTime now) {
  const auto* line = http::find(request.fields, FieldId::if_range);
  if (line == nullptr) return true;
  if (http::count(request.fields, FieldId::if_range) > 1) return false;  // ambiguous
  if (const auto theirs = http::parse_entity_tag(line->value)) {
    const auto ours = http::parse_entity_tag(entity_tag);
    return ours && http::strong_match(*theirs, *ours);
  }
  const auto date = http::parse_date(line->value, std::chrono::floor<std::chrono::seconds>(now));
  return date && is_strong_date(stored) && *date == *stored.last_modified;
}

std::optional<http::RangeSpec> range_asked(const RequestFacts& request, const StoredMeta& stored,
                                           std::string_view entity_tag, WallTime now) {
  if (!request.range || !if_range_holds(request, stored, entity_tag, now)) return std::nullopt;
  return http::parse_range(request.fields);
}

bool same_strong_validator(const StoredMeta& a, const StoredMeta& b) {
  const auto one = http::parse_entity_tag(a.upstream_entity_tag);
  const auto other = http::parse_entity_tag(b.upstream_entity_tag);
  if (one || other) return one && other && http::strong_match(*one, *other);
  return is_strong_date(a) && is_strong_date(b) && a.last_modified == b.last_modified;
}

}  // namespace

bool has_bytes_for(const RequestFacts& request, const StoredMeta& stored, WallTime now) {
  if (!stored.part) return true;
  const auto range = range_asked(request, stored, stored.entity_tag, now);
  if (!range) return false;
  const auto& part = *stored.part;
  if (!part.complete) {
    return range->first && range->last && *range->first >= part.first && *range->last <= part.last;
  }
  const auto choice = http::choose_range(*range, *part.complete);
  const auto* bytes = std::get_if<http::ByteRange>(&choice);
  return bytes != nullptr && bytes->first >= part.first && bytes->last <= part.last;
}

Cut cut_for(const RequestFacts& request, const StoredMeta& stored, std::string_view entity_tag,
            std::uint64_t size, WallTime now) {
  if (stored.status != 200 && !stored.part) return Whole{};
  const auto range = range_asked(request, stored, entity_tag, now);
  if (!range) return Whole{};
  // If the complete length is unknown, has_bytes_for has ensured that the range lies inside the part.
  const auto complete = stored.part ? stored.part->complete.value_or(stored.part->last + 1) : size;
  // No range of an empty representation is satisfiable. RFC 9110 14.2 permits ignoring Range, and clients
  // that send `bytes=0-` want the whole representation.
  if (complete == 0) return Whole{};
  const auto choice = http::choose_range(*range, complete);
  if (const auto* bytes = std::get_if<http::ByteRange>(&choice)) return *bytes;
  if (std::holds_alternative<http::Unsatisfiable>(choice)) return Unsatisfiable{};
  return Whole{};
}

std::optional<Part> part_of(http::Fields response) {
  if (http::count(response, FieldId::content_range) != 1) return std::nullopt;
  const auto range = http::parse_content_range(http::find(response, FieldId::content_range)->value);
  if (!range) return std::nullopt;
  return Part{range->first, range->last, range->complete, true};
}

bool fit(Part& part, std::uint64_t body_size) {
  const auto expected = part.last - part.first + 1;
  if (body_size == 0 || body_size > expected) return false;
  if (body_size == expected) return true;
  const bool to_the_end = part.complete && part.last + 1 == *part.complete;
  part.last = part.first + body_size - 1;
  if (to_the_end) part.complete = part.last + 1;
  part.exact = false;
  return true;
}

std::optional<Part> joined(const StoredMeta& a, const StoredMeta& b) {
  if (!a.part || !b.part || !a.part->exact || !b.part->exact) return std::nullopt;
  if (a.part->complete != b.part->complete || !same_strong_validator(a, b)) return std::nullopt;
  const auto& first = a.part->first <= b.part->first ? *a.part : *b.part;
  const auto& second = a.part->first <= b.part->first ? *b.part : *a.part;
  if (second.first > first.last + 1) return std::nullopt;
  return Part{first.first, std::max(first.last, second.last), first.complete, true};
}

std::optional<std::uint64_t> rest_of(const StoredMeta& stored) {
  if (!stored.part || stored.part->first != 0 || !stored.part->exact || !stored.part->complete)
    return std::nullopt;
  const auto tag = http::parse_entity_tag(stored.upstream_entity_tag);
  if (!tag || tag->weak) return std::nullopt;
  return stored.part->last + 1;
}

}  // namespace larder::policy
