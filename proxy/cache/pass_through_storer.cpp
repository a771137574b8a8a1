#include "cache/pass_through_storer.hpp"

#include "cache/represent.hpp"
#include "http/etag.hpp"
#include "policy/invalidation.hpp"
#include "projection/entity_tag.hpp"

namespace larder::cache {

std::unique_ptr<Keeper> Keeper::for_answer(Resources with, const Plan& plan, const settings::Route& route,
                                           const policy::RequestFacts& request, std::string_view authority,
                                           std::string_view target, const http::ResponseHead& answer,
                                           const policy::Exchanged& when) {
  if (!policy::answers_get(request.method, route, answer.status, answer.fields, authority, target))
    return nullptr;
  auto judged = policy::judge(request, route, answer.status, answer.fields, {}, when);
  auto* meta = std::get_if<policy::StoredMeta>(&judged);
  if (meta == nullptr || !meta->is_fresh(when.received.mono)) return nullptr;
  meta->sequence = with.invalidations.next_sequence();
  return std::unique_ptr<Keeper>(new Keeper(with, plan, route, answer, when, std::move(*meta)));
}

void Keeper::append(std::string_view piece) {
  too_large_ = too_large_ || body_.size() + piece.size() > plan_.settings->cache.max_body;
  if (too_large_)
    body_ = {};
  else
    body_ += piece;
}

bool Keeper::finish(std::string_view key, std::uint64_t path_hash, std::uint64_t route_hash) {
  const auto groups = group_hashes(with_.store, key, meta_.groups);
  if (too_large_ || with_.invalidations.is_invalidated(meta_.sequence, path_hash, route_hash, groups))
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
  return with_.store.put(key, with_.store.hash(key), std::move(response)) == store::Store::Put::stored;
}

}  // namespace larder::cache
