#include "cache/fetched.hpp"

#include "cache/represent.hpp"
#include "coding/codec.hpp"
#include "http/coding.hpp"
#include "http/etag.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "projection/entity_tag.hpp"

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

struct Projected {
  Detail detail = Detail::none;  // why the body is not projected
  bool is_storable = false;      // it can be stored as it is
};

// The result is in `out` if there is no detail.
Projected project(const projection::ProjectionRule& rule, http::Fields fields, std::string_view body,
                  const projection::ProjectionLimits& limits, projection::Workspace& workspace,
                  std::string& out) {
  if (!is_json(fields)) return {Detail::not_json};
  if (http::forbids_transformation(fields)) return {Detail::not_projectable};
  std::string decoded;
  if (http::is_coded(fields)) {
    // Identity was requested, but some servers send a coding nevertheless.
    const auto coding = http::only_coding(fields);
    if (!coding) return {Detail::not_projectable};
    auto result = coding::decode(*coding, body, limits.bytes);
    if (result.error) return {Detail::not_projectable};
    decoded = std::move(result.bytes);
    body = decoded;
  }
  const auto error = projection::project(body, rule, limits, workspace, out);
  if (!error) return {};
  using Error = projection::ProjectionError;
  return {*error == Error::not_json ? Detail::not_json : Detail::not_projectable,
          *error == Error::nothing_kept};
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
    std::string projected;
    const auto [detail, is_storable] = project(*rule, head.fields, body, limits, workspace, projected);
    out.detail = detail;
    out.is_storable = is_storable;
    if (detail == Detail::none) {
      out.projected = change.changed = true;
      change.original_size = body.size();
      body = std::move(projected);
    }
  }
  if (meta.status == 200) {
    const bool has_tag = http::parse_entity_tag(meta.upstream_entity_tag).has_value();
    const auto* compared = out.detail == Detail::none ? plan.compared_of(route) : nullptr;
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
