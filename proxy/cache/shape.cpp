#include "cache/shape.hpp"

#include "http/digest.hpp"
#include "projection/entity_tag.hpp"

namespace larder::cache {

namespace {

// The lines of a head without those about bytes that are not sent, followed by new ones about the bytes that
// are.
std::string derived_head(std::string_view head, std::string_view entity_tag, std::string_view coding,
                         const std::string* body) {
  std::string out;
  out.reserve(head.size() + 64);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n") + 2);
    head.remove_prefix(line.size());
    const auto name = line.substr(0, line.find(':'));
    const bool of_other_bytes = http::iequals(name, "ETag") || http::iequals(name, "Content-Length") ||
                                http::iequals(name, "Accept-Ranges") || http::is_digest(name);
    if (!of_other_bytes) out += line;
  }
  if (!entity_tag.empty()) out.append("ETag: ").append(entity_tag).append("\r\n");
  if (body == nullptr) return out;
  if (!coding.empty()) out.append("Content-Encoding: ").append(coding).append("\r\n");
  return out.append("Content-Length: ").append(std::to_string(body->size())).append("\r\n");
}

}  // namespace

void derive_heads(const store::Response& response, std::string_view coding, store::Representation& made) {
  made.head = derived_head(response.head, made.entity_tag, coding, made.body.get());
  made.head_304 = derived_head(response.head_304, made.entity_tag, {}, nullptr);
}

std::shared_ptr<const store::Representation> make_shape(const store::Response& response,
                                                        const std::vector<std::string>& fields,
                                                        const settings::Route& route, const Plan& plan,
                                                        projection::Workspace& workspace) {
  if (!response.is_json) return nullptr;
  const auto limits = projection_limits(*plan.settings);
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
