#include "cache/pass_through_storer.hpp"

#include "cache/represent.hpp"
#include "http/etag.hpp"
#include "policy/invalidation.hpp"
#include "projection/entity_tag.hpp"

namespace larder::cache {

std::unique_ptr<PassThroughStorer> PassThroughStorer::for_answer(
    Resources deps, const Plan& plan, const settings::Route& route, const policy::RequestFacts& request,
    std::string_view authority, std::string_view target, const http::ResponseHead& answer,
    const policy::ExchangeTimes& when) {
  if (!policy::answers_get(request.method, route, answer.status, answer.fields, authority, target))
    return nullptr;
  auto judged = policy::judge(request, route, answer.status, answer.fields, {}, when);
  auto* meta = std::get_if<policy::StoredMeta>(&judged);
  if (meta == nullptr || !meta->is_fresh(when.received.mono)) return nullptr;
  meta->sequence = deps.invalidations.next_sequence();
  return std::unique_ptr<PassThroughStorer>(
      new PassThroughStorer(deps, plan, route, answer, when, std::move(*meta)));
}

void PassThroughStorer::append(std::string_view piece) {
  too_large_ = too_large_ || body_.size() + piece.size() > plan_.settings->cache.max_body;
  if (too_large_)
    body_ = {};
  else
    body_ += piece;
}

bool PassThroughStorer::finish(const policy::KeyView& key, std::uint64_t path_hash,
                               std::uint64_t route_hash) {
  const auto groups = group_hashes(deps_.store, key.origin(), meta_.groups);
  if (too_large_ || deps_.invalidations.is_invalidated(meta_.sequence, path_hash, route_hash, groups))
    return false;
  Change change;
  if (!http::parse_entity_tag(meta_.upstream_entity_tag)) {
    meta_.upstream_entity_tag.clear();
    change.entity_tag = projection::make_entity_tag(body_);
  }
  auto response = represent(std::move(meta_), answer_.reason, answer_.fields, answer_.minor_version,
                            {route_, plan_.settings->compression, when_.received.wall}, change,
                            std::make_shared<const std::string>(std::move(body_)));
  response->group_hashes = groups;
  return deps_.store.put(key.text(), deps_.store.hash(key.text()), std::move(response)) ==
         store::Store::Put::stored;
}

}  // namespace larder::cache
