#include "policy/precondition.hpp"

#include "http/body_fields.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

bool same_name(const http::Field& a, const http::Field& b) noexcept {
  return a.id == b.id && (a.id != FieldId::unknown || http::iequals(a.name, b.name));
}

}  // namespace

bool is_not_modified(const RequestFacts& request, const StoredMeta& stored, std::string_view entity_tag,
                     WallTime now) {
  if (stored.status != 200 && !stored.part) return false;
  if (request.if_none_match != nullptr) return http::none_match_names(request.fields, entity_tag);
  if (request.if_modified_since == nullptr) return false;
  // RFC 9110 13.1.3: a value that is not a single date is ignored; so are several lines.
  if (http::count(request.fields, FieldId::if_modified_since) > 1) return false;
  const auto since =
      http::parse_date(request.if_modified_since->value, std::chrono::floor<std::chrono::seconds>(now));
  if (!since) return false;
  // RFC 9111 4.3.2: without Last-Modified, Date is used instead.
  const auto modified = stored.last_modified ? stored.last_modified : stored.date;
  return modified && *modified <= *since;
}

bool is_left_out_of_304(const http::Field& line) noexcept {
  return http::describes_body(line) || line.id == FieldId::content_type ||
         line.id == FieldId::content_language;
}

HeadEffect head_effect(const StoredMeta& stored, std::uint64_t body_size, int status, http::Fields fresh) {
  if (status != 200 || stored.status != 200) return HeadEffect::none;
  const auto differs = [&](FieldId id, std::string_view held) {
    const auto* line = http::find(fresh, id);
    return line != nullptr && line->value != held;
  };
  if (differs(FieldId::etag, stored.upstream_entity_tag)) return HeadEffect::expires;
  if (differs(FieldId::last_modified, stored.upstream_last_modified)) return HeadEffect::expires;
  const auto* length = http::find(fresh, FieldId::content_length);
  if (length != nullptr && http::parse_digits(length->value) != body_size) return HeadEffect::expires;
  return HeadEffect::renews;
}

std::vector<http::Field> updated_fields(http::Fields stored, http::Fields fresh) {
  std::vector<http::Field> kept;
  const auto is_update = [&](const http::Field& line) {
    return !http::describes_body(line) && !http::is_hop_by_hop(line) && line.id != FieldId::age &&
           !http::list_has(fresh, FieldId::connection, line.name);
  };
  const auto replaced = [&](const http::Field& line) {
    return std::any_of(fresh.begin(), fresh.end(), [&](const http::Field& update) {
      return is_update(update) && same_name(update, line);
    });
  };
  std::vector<bool> placed(fresh.size(), false);
  const auto place = [&](const http::Field& name) {
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (placed[i] || !is_update(fresh[i]) || !same_name(fresh[i], name)) continue;
      placed[i] = true;
      kept.push_back(fresh[i]);
    }
  };
  for (const auto& line : stored) {
    if (replaced(line)) {
      place(line);
    } else {
      kept.push_back(line);
    }
  }
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (!placed[i] && is_update(fresh[i])) place(fresh[i]);
  }
  return kept;
}

}  // namespace larder::policy
