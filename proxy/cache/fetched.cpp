#include "cache/fetched.hpp"

#include "cache/represent.hpp"
#include "coding/codec.hpp"
#include "http/coding.hpp"
#include "http/etag.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "projection/entity_tag.hpp"

#include <optional>

namespace larder::cache {

namespace {

using http::FieldId;
using policy::Detail;

// The bytes of both parts (RFC 9111 3.4), which are equal where they overlap.
std::string join(const store::Response& held, const policy::Part& both, const policy::Part& fresh,
                 std::string_view body) {
  std::string bytes(static_cast<std::size_t>(both.last - both.first + 1), '\0');
  bytes.replace(static_cast<std::size_t>(held.part->first - both.first), held.body->size(), *held.body);
  bytes.replace(static_cast<std::size_t>(fresh.first - both.first), body.size(), body);
  return bytes;
}

bool is_json(http::Fields fields) {
  const auto* type = http::find(fields, FieldId::content_type);
  return type != nullptr && projection::is_json_type(type->value);
}

// The body, without its content coding where larder has removed that.
struct Decoded {
  std::optional<std::string> bytes;  // nullopt: as received
  Detail against = Detail::none;
};

Decoded decode(http::Fields fields, std::string_view body, std::size_t max_size) {
  // Identity was requested, but some servers send a coding nevertheless.
  if (!http::is_coded(fields)) return {};
  const auto coding = http::only_coding(fields);
  if (!coding) return {{}, Detail::not_projectable};
  auto result = coding::decode(*coding, body, max_size);
  if (result.error) return {{}, Detail::not_projectable};
  return {std::move(result.bytes), Detail::none};
}

// Whether the client gets the body in the API's coding (RFC 9110 12.5.3): without Accept-Encoding any is
// acceptable.
bool accepts_coding(http::Fields client, http::Fields response) {
  const auto coding = http::only_coding(response);
  return http::find(client, FieldId::accept_encoding) == nullptr ||
         (coding && http::choose_coding(client, {&*coding, 1}));
}

struct ProjectedBody {
  std::optional<std::string> bytes;  // what replaces the body; nullopt: it is sent as received
  bool is_projected = false;
  Detail against = Detail::none;  // see Represented
  Detail note = Detail::none;
};

ProjectedBody project(const projection::ProjectionRule& rule, const Fetched& fetched,
                      const projection::ProjectionLimits& limits, projection::Workspace& workspace) {
  const http::Fields fields = fetched.head.fields;
  ProjectedBody out;
  if (http::forbids_transformation(fields)) {
    out.against = is_json(fields) ? Detail::not_projectable : Detail::not_json;
    return out;
  }
  const bool keeps_coding = accepts_coding(fetched.client, fields);
  if (!is_json(fields)) {
    out.against = Detail::not_json;
    if (!keeps_coding) out.bytes = decode(fields, fetched.body, limits.bytes).bytes;
    return out;
  }
  auto decoded = decode(fields, fetched.body, limits.bytes);
  out.against = decoded.against;
  if (out.against != Detail::none) return out;
  const std::string_view body = decoded.bytes ? *decoded.bytes : fetched.body;
  std::string projected;
  using Error = projection::ProjectionError;
  const auto error = projection::project(body, rule, limits, workspace, projected);
  if (!error) {
    out.bytes = std::move(projected);
    out.is_projected = true;
    return out;
  }
  if (*error == Error::nothing_kept || *error == Error::wrong_shape)
    out.note = Detail::not_projectable;
  else
    out.against = *error == Error::not_json ? Detail::not_json : Detail::not_projectable;
  // What is stored is for every client. What is not is for the one that asked.
  if (out.against == Detail::none || !keeps_coding) out.bytes = std::move(decoded.bytes);
  return out;
}

// The entity tag of the members that are not ignored; empty if the body is not JSON.
std::string tag_ignoring(const projection::ProjectionRule& compared, http::Fields fields,
                         std::string_view body, const projection::ProjectionLimits& limits,
                         projection::Workspace& workspace) {
  std::string left;
  if (!is_json(fields) || projection::project(body, compared, limits, workspace, left)) return {};
  return projection::make_weak_entity_tag(left);
}

}  // namespace

Represented represent_fetched(Fetched fetched, const settings::Route& route, const Plan& plan,
                              policy::Sequence sequence, projection::Workspace& workspace) {
  const auto& head = fetched.head;
  auto& meta = fetched.meta;
  auto& body = fetched.body;
  const auto limits = projection_limits(*plan.settings);
  Represented out;
  Change change;
  change.of_part = meta.part.has_value();
  std::vector<http::Field> fields = head.fields;
  std::string_view reason = head.reason;
  if (meta.part && fetched.held != nullptr) {
    if (const auto both = policy::joined(*fetched.held, meta)) {
      body = join(*fetched.held, *both, *meta.part, body);
      fields = policy::updated_fields(upstream_fields(*fetched.held), head.fields);
      meta.part = both;
      if (both->is_whole()) {
        meta.part.reset();
        meta.status = 200;
        reason = "OK";
      }
    }
  }
  if (const auto* rule = meta.status == 200 ? plan.rule_of(route) : nullptr) {
    auto made = project(*rule, fetched, limits, workspace);
    out.projected = made.is_projected;
    out.against = made.against;
    out.note = made.note;
    if (made.bytes) {
      change.changed = true;
      change.original_size = body.size();
      body = std::move(*made.bytes);
    }
  }
  if (meta.status == 200) {
    const bool has_tag = http::parse_entity_tag(meta.upstream_entity_tag).has_value();
    const auto* compared = out.against == Detail::none ? plan.compared_of(route) : nullptr;
    if (compared != nullptr)
      change.entity_tag = tag_ignoring(*compared, head.fields, body, limits, workspace);
    if (change.entity_tag.empty() && (change.changed || !has_tag))
      change.entity_tag = projection::make_entity_tag(body);
    if (!has_tag) meta.upstream_entity_tag.clear();
  }
  meta.sequence = sequence;
  out.response = represent(std::move(meta), reason, fields, head.minor_version,
                           {route, plan.settings->compression, fetched.when.received.wall}, change,
                           std::make_shared<const std::string>(std::move(body)), &out.for_requesting_client);
  return out;
}

}  // namespace larder::cache
