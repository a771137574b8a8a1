#include "cache/pass_through_storer.hpp"

#include "cache/represent.hpp"
#include "http/etag.hpp"
#include "policy/invalidation.hpp"
#include "projection/entity_tag.hpp"

namespace larder::cache {

std::unique_ptr<PassThroughStorer> PassThroughStorer::for_answer(
    Cache& cache, const Plan& plan, const settings::Route& route, const policy::RequestFacts& request,
    std::string_view authority, std::string_view target, const http::ResponseHead& answer,
    const policy::ExchangeTimes& when) {
  if (!policy::answers_get(request.method, route, answer.status, answer.fields, authority, target))
    return nullptr;
  auto judged = policy::judge(request, route, answer.status, answer.fields, {}, when);
  auto* meta = std::get_if<policy::StoredMeta>(&judged);
  if (meta == nullptr || !meta->is_fresh(when.received.mono)) return nullptr;
  meta->sequence = cache.next_sequence();
  return std::unique_ptr<PassThroughStorer>(
      new PassThroughStorer(cache, plan, route, answer, when, std::move(*meta)));
}

void PassThroughStorer::append(std::string_view piece) {
  too_large_ = too_large_ || body_.size() + piece.size() > plan_.settings->cache.max_body;
  if (too_large_)
    body_ = {};
  else
    body_ += piece;
}

bool PassThroughStorer::finish(const Target& target) {
  if (too_large_) return false;
  Change change;
  if (!http::parse_entity_tag(meta_.upstream_entity_tag)) {
    meta_.upstream_entity_tag.clear();
    change.entity_tag = projection::make_entity_tag(body_);
  }
  return cache_.store(target,
                      represent(std::move(meta_), answer_.reason, answer_.fields, answer_.minor_version,
                                {route_, plan_.settings->compression, when_.received.wall}, change,
                                std::make_shared<const std::string>(std::move(body_))));
}

}  // namespace larder::cache
