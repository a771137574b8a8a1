#include "cache/renew.hpp"

#include "cache/represent.hpp"
#include "http/etag.hpp"
#include "policy/precondition.hpp"

#include <algorithm>

namespace larder::cache {

namespace {

using http::FieldId;

bool tells_time(const http::Field& line) noexcept {
  return line.id == FieldId::date || line.id == FieldId::age;
}

bool sets_cookie(const http::Field& line) noexcept {
  return line.id == FieldId::set_cookie;
}

}  // namespace

bool names_held(const store::Response& held, http::Fields fresh) {
  const auto* tag = http::find(fresh, FieldId::etag);
  if (tag == nullptr) return true;  // nothing by which to tell
  const auto theirs = http::parse_entity_tag(tag->value);
  const auto ours = http::parse_entity_tag(held.upstream_entity_tag);
  return theirs && ours && http::weak_match(*theirs, *ours);
}

Renewal renewed(const store::Response& held, const http::ResponseHead& fresh, const Renewing& by) {
  const auto stored = upstream_fields(held);
  const auto fields = names_held(held, fresh.fields) ? policy::updated_fields(stored, fresh.fields) : stored;
  // Age counts from the validation (RFC 9111 4.2.3), whatever the stored fields say.
  auto as_received = fields;
  std::erase_if(as_received, tells_time);
  std::copy_if(fresh.fields.begin(), fresh.fields.end(), std::back_inserter(as_received), tells_time);
  // A cookie of the 304 is its requesting client's (see fate_of), and says nothing against the stored
  // response.
  std::erase_if(as_received, sets_cookie);

  const policy::UpstreamRequest asked{by.route.projects(), held.part.has_value()};
  auto judged =
      policy::judge(by.request, by.route, held.part ? 200 : held.status, as_received, asked, by.when);
  const auto* against = std::get_if<policy::Detail>(&judged);
  policy::StoredMeta meta = against != nullptr ? static_cast<const policy::StoredMeta&>(held)
                                               : std::get<policy::StoredMeta>(judged);
  meta.status = held.status;
  meta.part = held.part;
  meta.sequence = by.sequence;

  Change change;
  const bool own_tag = held.entity_tag != held.upstream_entity_tag;
  // Projection only removes, so that a body of the API's size is the API's, unless it has been decoded.
  change.changed = own_tag && by.route.projects() &&
                   (held.original_size != held.body->size() || http::is_coded(fresh.fields));
  if (own_tag) change.entity_tag = held.entity_tag;
  change.original_size = held.original_size;
  std::string for_requesting_client;
  auto response = represent(std::move(meta), held.head_view().reason(), fields, fresh.minor_version,
                            {by.route, by.compression, by.when.received.wall}, change, held.body.owner(),
                            &for_requesting_client);
  return {std::move(response), std::move(for_requesting_client),
          against != nullptr ? *against : policy::Detail::none};
}

std::shared_ptr<store::Response> expired(const store::Response& held, policy::MonoTime now) {
  auto response = std::make_shared<store::Response>(held);
  response->fresh_until = std::min(response->fresh_until, now);
  response->stale_while_revalidate.reset();
  return response;
}

}  // namespace larder::cache
