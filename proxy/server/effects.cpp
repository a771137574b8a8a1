// Exchange: the effects of forwarded requests and their responses on stored responses.

#include "http/target.hpp"
#include "policy/precondition.hpp"
#include "server/exchange.hpp"

#include <algorithm>

namespace larder::server {

// Design, invariant 5: before the client can see that its write was applied, everything older is invalidated.
// Without a response (nullptr) the write may have been applied.
void Exchange::note_write(const http::ResponseHead* answer) {
  if (facts_.safe) return;
  cache::Write write{
      policy::authority_of(head(), settings()), head().path, 0, {}, settings(), arrival_.scheme};
  if (answer != nullptr) {
    write.status = answer->status;
    write.response = answer->fields;
  }
  if (cache().invalidate(write)) worker_.loop.counters().invalidations.add();
}

void Exchange::note_lost_write() noexcept {
  try {
    note_write(nullptr);
  } catch (const std::exception&) {
    // There is no memory to work out what the write concerns, so everything fetched before it is invalidated.
    cache().invalidate_all();
  }
}

// Design, invariant 6: a forwarded response to a request that could have been answered from the store
// supersedes the stored response, as a fetched one does.
void Exchange::note_final(const http::ResponseHead& answer, policy::Sequence sequence) {
  if (flow_.target().route == nullptr || is_head() || !policy::supersedes(answer.status, facts_)) return;
  if (answer.status == 200) return;  // as good as the stored one, whose validation is the next fetch's
  const auto secondary = policy::secondary_key(facts_, answer.fields, *route_, false);
  cache().supersede(flow_.target(), sequence, secondary);
}

// The entity tags of this URL's stored representations, as clients know them. nullopt if the request has no
// conditions or the route stores nothing: then every tag is the API's.
std::optional<policy::TagTranslation> Exchange::tag_translation() {
  const bool any = facts_.preconditions || facts_.if_none_match != nullptr ||
                   http::find(facts_.fields, http::FieldId::if_range) != nullptr;
  if (!any || route_ == nullptr || route_->cache == settings::CacheMode::off) return std::nullopt;
  policy::TagTranslation tags;
  std::string scratch;
  policy::CacheKey key;
  key.assign(policy::authority_of(head(), settings()), http::normalise_path(head().path, scratch), head(),
             *route_, arrival_.scheme);
  const auto entry = worker_.shared.cache.peek(key.view());
  if (!entry) return tags;
  for (const auto& variant : entry->variants) {
    tags.add(variant->entity_tag, variant->upstream_entity_tag);
    if (!variant->derived) continue;
    for (auto& tag : variant->derived->entity_tags()) {
      if (!tag.empty()) tags.add(std::move(tag), variant->upstream_entity_tag);
    }
  }
  return tags;
}

// The entity tag for a 304 of the API, if it differs from the API's own; otherwise empty.
std::string Exchange::confirmed_tag(const http::ResponseHead& answer) const {
  const auto* tag = http::find(answer.fields, http::FieldId::etag);
  if (answer.status != 304 || !tags_ || tag == nullptr || facts_.if_none_match == nullptr) return {};
  return tags_->confirmed(facts_.if_none_match->value, tag->value);
}

bool Exchange::names_fields_param() const {
  if (route_ == nullptr || route_->fields_param.empty() || !head().has_query) return false;
  if (facts_.method != http::Method::get && !is_head()) return false;
  return policy::query_without(head().query, route_->fields_param) != head().query;
}

// RFC 9111 4.3.5: the response to a HEAD shows whether the response stored for GET is still current.
void Exchange::note_head(const http::ResponseHead& answer, policy::Sequence sequence) {
  if (!is_head() || route_ == nullptr || flow_.held() == nullptr || !route_->fields.empty()) return;
  cache().note_head(flow_.target(), *flow_.held(), answer, {now_, worker_.loop.now()}, sequence,
                    settings().compression);
}

// The response to a POST may also be the response to a GET (RFC 9110 9.3.3).
void Exchange::keep(const http::ResponseHead& answer) {
  if (facts_.method != http::Method::post || route_ == nullptr || head().authority.empty()) return;
  std::string target(head().path);
  if (head().has_query) target.append("?").append(head().query);
  storer_ = cache::PassThroughStorer::for_answer(cache(), *plan_, *route_, facts_, head().authority, target,
                                                 answer, {now_, worker_.loop.now()});
}

}  // namespace larder::server
