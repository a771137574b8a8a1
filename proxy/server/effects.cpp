// Exchange: what requests and responses that pass mean for what is stored.

#include "cache/renew.hpp"
#include "cache/represent.hpp"
#include "http/target.hpp"
#include "policy/groups.hpp"
#include "policy/invalidation.hpp"
#include "policy/precondition.hpp"
#include "server/exchange.hpp"

#include <algorithm>

namespace larder::server {

// Design, invariant 5: before the client can see that its write went through, everything older is void. A
// write without a response (nullptr), or one that failed with 5xx, may have gone through.
void Exchange::note_write(const http::ResponseHead* answer) {
  using policy::WriteEffect;
  using store::Validity;
  if (facts_.safe) return;
  const auto effect = answer != nullptr ? policy::write_effect(answer->status) : WriteEffect::possible;
  if (effect == WriteEffect::none) return;
  auto& shared = worker_.shared;
  const auto authority = policy::authority_of(head(), settings());
  std::string scratch;
  auto paths = policy::other_paths_of(head().path);
  paths.emplace_back(http::normalise_path(head().path, scratch));
  worker_.loop.counters().invalidations.add();
  // Of a write that may not have been applied, RFC 9111 4.4 asks for nothing.
  const auto level = effect == WriteEffect::applied ? Validity::invalid : Validity::only_on_error;
  std::string target;
  for (const auto& path : paths) {
    policy::write_target(authority, path, target);
    shared.invalidations.invalidate_path(shared.store.hash(target), level);
  }
  if (effect == WriteEffect::applied) {
    for (const auto& related : policy::related_targets(authority, head().path, answer->fields)) {
      shared.invalidations.invalidate_path(shared.store.hash(related), Validity::invalid);
    }
    std::string origin;
    policy::write_target(authority, {}, origin);
    for (const auto& group : policy::groups_invalidated(answer->fields)) {
      shared.invalidations.invalidate_group(shared.store.hash(policy::group_name(origin, group)),
                                            Validity::invalid);
    }
  }
  for (const auto& route : settings().routes) {
    const auto is_meant = [&](const http::PathPattern& pattern) {
      return std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return pattern.matches(path); });
    };
    if (std::none_of(route.invalidated_by.begin(), route.invalidated_by.end(), is_meant)) continue;
    const bool soft = route.invalidation == settings::Invalidation::soft;
    shared.invalidations.invalidate_route(shared.store.hash(route.name),
                                          soft ? Validity::stale_once : Validity::only_on_error);
  }
}

void Exchange::note_lost_write() noexcept {
  try {
    note_write(nullptr);
  } catch (const std::exception&) {
    // There is no memory to work out what the write concerns, so everything fetched before it is invalidated.
    worker_.shared.invalidations.invalidate_all(store::Validity::only_on_error);
  }
}

// Design, invariant 6: a response that passes, to a request that could have been answered from the store,
// ends the life of what is stored as a fetched one does.
void Exchange::note_final(const http::ResponseHead& answer, policy::Sequence sequence) {
  if (!keyed_ || is_head() || !policy::supersedes(answer.status, facts_)) return;
  if (answer.status == 200) return;  // as good as the stored one, whose validation is the next fetch's
  const auto secondary = policy::secondary_key(facts_, answer.fields, *route_, false);
  worker_.shared.store.supersede(key_.text(), hash_, facts_, sequence, secondary);
}

// What clients know the stored representations of this URL by. nullopt where the request has no conditions,
// or nothing is ever stored: then every tag is the API's own.
std::optional<policy::TagTranslation> Exchange::tag_translation() {
  const bool any = facts_.preconditions || facts_.if_none_match != nullptr ||
                   http::find(facts_.fields, http::FieldId::if_range) != nullptr;
  if (!any || route_ == nullptr || route_->cache == settings::CacheMode::off) return std::nullopt;
  policy::TagTranslation tags;
  std::string scratch;
  policy::CacheKey key;
  key.assign(policy::authority_of(head(), settings()), http::normalise_path(head().path, scratch), head(),
             *route_);
  const auto entry = worker_.shared.store.peek(key.text(), worker_.shared.store.hash(key.text()));
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

// The tag that a 304 from the API is to name, where that is not the API's own.
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

// RFC 9111 4.3.5: the answer to a HEAD says whether what is stored for GET still holds.
void Exchange::note_head(const http::ResponseHead& answer, policy::Sequence sequence) {
  if (!is_head() || route_ == nullptr || response_ == nullptr || !route_->fields.empty()) return;
  const auto& held = **response_;
  const auto effect = policy::head_effect(held, held.body->size(), answer.status, answer.fields);
  if (effect == policy::HeadEffect::none || validity_of(held) != store::Validity::valid) return;
  auto& store = worker_.shared.store;
  if (effect == policy::HeadEffect::expires) {
    store.outdate(hash_, sequence, policy::secondary_key(facts_, answer.fields, *route_, false));
    (void)store.put(key_.text(), hash_, cache::expired(held, now_.mono), &facts_);
    return;
  }
  const auto renewal =
      cache::renewed(held, answer, {facts_, *route_, settings().compression, {now_, Loop::now()}, sequence});
  renewal.response->group_hashes = cache::group_hashes(store, key_.view().origin(), renewal.response->groups);
  const bool is_void_by_now = worker_.shared.invalidations.is_invalidated(sequence, path_hash_, view_.hash,
                                                                          renewal.response->group_hashes);
  if (renewal.against == policy::Detail::none && !is_void_by_now)
    (void)store.put(key_.text(), hash_, renewal.response, &facts_);
}

// What a POST answered may be what a GET would get.
void Exchange::keep(const http::ResponseHead& answer) {
  if (facts_.method != http::Method::post || route_ == nullptr || head().authority.empty()) return;
  std::string target(head().path);
  if (head().has_query) target.append("?").append(head().query);
  storer_ = cache::PassThroughStorer::for_answer(worker_.resources(), *plan_, *route_, facts_,
                                                 head().authority, target, answer, {now_, Loop::now()});
}

}  // namespace larder::server
