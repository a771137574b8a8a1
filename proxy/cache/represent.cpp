#include "cache/represent.hpp"

#include "http/body_fields.hpp"
#include "http/coding.hpp"
#include "http/date.hpp"
#include "http/text.hpp"
#include "policy/groups.hpp"
#include "policy/precondition.hpp"
#include "projection/projector.hpp"

#include <algorithm>

namespace larder::cache {

namespace {

using http::FieldId;

// Whether the field does not hold once larder has changed the bytes.
bool is_of_the_original(const http::Field& line) noexcept {
  return line.id == FieldId::etag || http::describes_body(line);
}

bool replaces_cache_control(const http::Field& line, const settings::Route& route) {
  return line.id == FieldId::cache_control && route.client_cache_control.has_value();
}

// Whether larder may send it in a coding of its own making (RFC 9110 8.4.1).
bool may_compress(const Setting& setting, const policy::StoredMeta& meta, http::Fields fields,
                  const Change& change, std::size_t size) {
  if (!setting.compression.on || !setting.route.compress || setting.compression.codings.empty()) return false;
  if (meta.status != 200 || meta.part || size < setting.compression.min_size) return false;
  if (http::forbids_transformation(fields)) return false;
  if (!change.changed && http::is_coded(fields)) return false;
  const auto* type = http::find(fields, FieldId::content_type);
  return type != nullptr && http::is_compressible(type->value);
}

}  // namespace

std::shared_ptr<store::Response> represent(policy::StoredMeta meta, std::string_view reason,
                                           http::Fields fields, int minor_version, const Setting& setting,
                                           const Change& change, std::shared_ptr<const std::string> body,
                                           std::string* for_requesting_client) {
  const auto& route = setting.route;
  if (!change.entity_tag.empty()) meta.entity_tag = change.entity_tag;
  auto response = std::make_shared<store::Response>();
  const auto directives = http::parse_response_cache_control(fields);
  store::HeadBuilder builder(meta.status, reason, meta.status == 200 || meta.part);
  const auto add_own = [&](FieldId id, std::string_view name, std::string_view value, bool in_304 = true) {
    builder.add({id, name, value}, true, in_304);
  };
  for (const auto& line : fields) {
    // What does not hold of the bytes that are sent is not sent, not even to the requesting client.
    if (line.id == FieldId::content_length) continue;  // written anew
    if (change.changed && is_of_the_original(line)) continue;
    // RFC 9530 2: a part's digest is of the bytes that came with it; what is stored may be cut again, or
    // joined with another part.
    if (change.of_part && http::is_content_digest(line.name)) continue;
    const auto fate = policy::fate_of(line, fields, directives);
    if (fate == policy::FieldFate::for_requesting_client && for_requesting_client != nullptr)
      store::append_line(line.name, line.value, *for_requesting_client);
    if (fate != policy::FieldFate::stored) continue;
    if (line.id == FieldId::content_range && change.of_part) {
      if (meta.part && !meta.part->exact) response->content_range = line.value;
      continue;
    }
    if (line.id == FieldId::etag && !change.entity_tag.empty()) continue;
    if (replaces_cache_control(line, route)) {
      if (!response->replaced_cache_control.empty()) response->replaced_cache_control += ", ";
      response->replaced_cache_control += line.value;
      continue;
    }
    builder.add(line, false, !policy::is_left_out_of_304(line));
  }
  response->config_fingerprint = route.config_fingerprint;
  response->original_size = change.original_size != 0 ? change.original_size : body->size();
  response->own_cache_control = route.client_cache_control.has_value();
  if (route.client_cache_control)
    add_own(FieldId::cache_control, "Cache-Control", *route.client_cache_control);
  if (!change.entity_tag.empty()) add_own(FieldId::etag, "ETag", change.entity_tag);
  if (http::find(fields, FieldId::date) == nullptr) {  // RFC 9110 6.6.1
    const auto received = std::chrono::floor<std::chrono::seconds>(setting.now);
    add_own(FieldId::date, "Date", http::format_date(received));
    meta.date = received;
  }
  const auto* type = http::find(fields, FieldId::content_type);
  response->is_json = type != nullptr && projection::is_json_type(type->value) &&
                      !http::forbids_transformation(fields) && (change.changed || !http::is_coded(fields));
  response->compressible = may_compress(setting, meta, fields, change, body->size());
  if (response->compressible && !http::list_has(fields, FieldId::vary, "Accept-Encoding"))
    add_own(FieldId::vary, "Vary", "Accept-Encoding");
  add_own(FieldId::via, "Via", minor_version == 1 ? "1.1 larder" : "1.0 larder");
  // RFC 9110 8.6: none with a 204, whose end needs no telling.
  if (meta.status != 204)
    add_own(FieldId::content_length, "Content-Length", std::to_string(body->size()), false);
  if (may_be_derived(*response, route)) response->derived = std::make_shared<store::Derived>();
  static_cast<policy::StoredMeta&>(*response) = std::move(meta);
  builder.finish(response->head, response->head_304, response->head_lines);
  response->body = std::move(body);
  return response;
}

bool may_be_derived(const store::Response& response, const settings::Route& route) noexcept {
  return response.compressible || (response.is_json && !route.fields_param.empty());
}

std::vector<http::Field> upstream_fields(const store::Response& response) {
  std::vector<http::Field> fields;
  for (const auto& line : response.head_view()) {
    if (!line.is_own) fields.push_back(line.field);
  }
  if (response.own_cache_control && !response.replaced_cache_control.empty())
    fields.push_back({FieldId::cache_control, "Cache-Control", response.replaced_cache_control});
  if (response.entity_tag != response.upstream_entity_tag && !response.upstream_entity_tag.empty())
    fields.push_back({FieldId::etag, "ETag", response.upstream_entity_tag});
  return fields;
}

}  // namespace larder::cache
