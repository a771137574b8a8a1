#include "cache/shape.hpp"

#include "http/body_fields.hpp"
#include "projection/entity_tag.hpp"

namespace larder::cache {

using http::FieldId;

void derive_heads(const store::Response& response, std::string_view coding, store::Representation& made) {
  const auto head = response.head_view();
  store::HeadBuilder builder(head.status(), head.reason(), !response.head_304.empty());
  for (const auto& line : head) {
    if (line.field.id != FieldId::etag && !http::describes_body(line.field))
      builder.add(line.field, line.is_own, line.in_304);
  }
  builder.add({FieldId::etag, "ETag", made.entity_tag}, true, true);
  if (!coding.empty()) builder.add({FieldId::content_encoding, "Content-Encoding", coding}, true, false);
  const auto length = std::to_string(made.body->size());
  builder.add({FieldId::content_length, "Content-Length", length}, true, false);
  builder.finish(made.head, made.head_304, made.head_lines);
}

std::shared_ptr<const store::Representation> make_shape(const store::Response& response,
                                                        const std::vector<std::string>& fields,
                                                        const settings::Route& route, const Plan& plan,
                                                        projection::Workspace& workspace) {
  if (!response.is_json) return nullptr;
  auto limits = projection_limits(*plan.settings);
  limits.may_keep_nothing = true;  // the client has asked for members that exist in some responses
  std::string error;
  const auto rule = projection::ProjectionRule::compile(fields, route.items, error);
  std::string body;
  if (!rule || projection::project(*response.body, *rule, limits, workspace, body)) return nullptr;
  auto made = std::make_shared<store::Representation>();
  const auto* compared = plan.compared_of(route);
  std::string left;
  const bool partly = compared != nullptr && !projection::project(body, *compared, limits, workspace, left);
  made->entity_tag = partly ? projection::make_weak_entity_tag(left) : projection::make_entity_tag(body);
  made->body = std::make_shared<const std::string>(std::move(body));
  derive_heads(response, {}, *made);
  return made;
}

}  // namespace larder::cache
