#include "cache/cache.hpp"

#include "cache/fill_name.hpp"
#include "cache/renew.hpp"
#include "cache/represent.hpp"
#include "http/target.hpp"
#include "policy/groups.hpp"
#include "policy/invalidation.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"

#include <algorithm>

namespace larder::cache {

using store::Validity;

Cache::Cache(const Options& options)
    : invalidations_(options.invalidations),
      store_(options.memory, options.variants, store::Store::default_shards, options.seed),
      fills_(invalidations_, purges_),
      compressor_(store_),
      key_hash_(options.secret) {
  store_.heed(purges_);
}

// ---- What is stored

namespace {

// Without memory to compare the fields, false: the response counts as one for other requests.
bool matches(const store::Response& response, const policy::RequestFacts& facts) noexcept {
  try {
    return policy::matches(response.secondary, facts);
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

// Chooses among the responses of `found.entry`. False: no request can use any of them.
bool Cache::choose(const Target& target, Found& found) const noexcept {
  bool any = false;
  for (const auto& variant : found.entry->variants) {
    const auto validity = validity_of(*variant, target);
    if (validity >= Validity::only_on_error && found.left_out == policy::Detail::none &&
        matches(*variant, *target.facts))
      found.left_out = why_not_valid(*variant, target);
    if (validity == Validity::invalid) continue;
    any = true;
    if (!matches(*variant, *target.facts)) continue;
    if (validity == Validity::only_on_error) {
      if (found.only_on_error == nullptr) found.only_on_error = &variant;
      continue;
    }
    found.response = &variant;
    found.left_out = policy::Detail::none;
    found.stale_once = validity == Validity::stale_once;
    break;
  }
  return any;
}

void Cache::find(const Target& target, Found& found) noexcept {
  found = {store_.find(target.key.text(), target.hash)};
  if (!found.entry) return;
  found.entry->variants.front()->prefetch();
  const bool any = choose(target, found);
  if (found.response != nullptr) {
    (*found.response)->prefetch_sent();
  } else if (!any) {
    store_.erase(target.key.text(), target.hash, *found.entry);
    found.entry.reset();
  }
}

Found Cache::peek(const Target& target) const noexcept {
  Found found{store_.peek(target.key.text(), target.hash)};
  if (found.entry) (void)choose(target, found);
  return found;
}

std::shared_ptr<const store::Response> Cache::fresh(const Target& target, policy::Now now) const noexcept {
  const auto entry = store_.peek(target.key.text(), target.hash);
  if (!entry) return nullptr;
  const auto& facts = *target.facts;
  const auto at = std::find_if(entry->variants.begin(), entry->variants.end(), [&](const auto& variant) {
    return variant->is_fresh(now.mono) && !variant->must_validate &&
           validity_of(*variant, target) == Validity::valid && matches(*variant, facts) &&
           policy::has_bytes_for(facts, *variant, now.wall);
  });
  return at == entry->variants.end() ? nullptr : *at;
}

void Cache::each(const std::function<bool(const store::Entry&)>& visit) const {
  bool more = true;
  for (std::size_t shard = 0; more && shard < store_.shards(); ++shard)
    store_.each_in(shard, [&](const store::Entry& entry) { more = more && visit(entry); });
}

// ---- Fetching

std::uint64_t Cache::memory_of(const Target& target) {
  constexpr std::uint64_t with_credentials = 0xD1B5'4A32'D192'ED03;
  const bool apart =
      target.facts->credentials && policy::has_foreign_credentials(*target.facts, *target.route);
  return apart ? target.hash ^ with_credentials : target.hash;
}

Joined Cache::join(const Target& target, const store::Entry* entry, policy::Now now,
                   const JoinOptions& options) {
  const auto name = name_of_fill(target.key.text(), *target.route, *target.facts, entry, options.part);
  return fills_.join(target.key.text(), memory_of(target), name, target.path_hash, target.route_hash,
                     options.since, now.mono, options.young);
}

// ---- Invalidation

bool Cache::invalidate(const Write& write) noexcept {
  using policy::WriteEffect;
  // A write without a response, or one that failed with 5xx, may have been applied.
  const auto effect = write.status != 0 ? policy::write_effect(write.status) : WriteEffect::possible;
  if (effect == WriteEffect::none) return false;
  // For a write that may not have been applied, RFC 9111 4.4 requires nothing.
  const auto level = effect == WriteEffect::applied ? Validity::invalid : Validity::only_on_error;
  try {
    invalidate_concerned(write, level);
  } catch (const std::exception&) {  // out of memory
    invalidate_all(level);
  }
  return true;
}

void Cache::invalidate_concerned(const Write& write, Validity level) {
  std::string scratch;
  auto paths = policy::other_paths_of(write.path);
  paths.emplace_back(http::normalise_path(write.path, scratch));
  std::string target;
  for (const auto& path : paths) {
    policy::write_target(write.authority, path, target, write.scheme);
    invalidate_path(target, level);
  }
  if (level == Validity::invalid) {  // applied
    for (const auto& related :
         policy::related_targets(write.authority, write.path, write.response, write.scheme))
      invalidate_path(related, level);
    std::string origin;
    policy::write_target(write.authority, {}, origin, write.scheme);
    for (const auto& group : policy::groups_invalidated(write.response))
      invalidate_group(policy::group_name(origin, group), level);
  }
  for (const auto& route : write.settings.routes) invalidate_route(route, paths);
}

// For a write to `paths`: the paths to which servers may resolve the one that was sent.
void Cache::invalidate_route(const settings::Route& route, const std::vector<std::string>& paths) {
  const bool soft = route.invalidation == settings::Invalidation::soft;
  const auto level = soft ? Validity::stale_once : Validity::only_on_error;
  bool whole = false;
  for (const auto& pattern : route.invalidated_by) {
    for (const auto& path : paths) {
      if (!pattern.matches(path)) continue;
      if (pattern.has_bound_names())
        invalidate_group(policy::binding_written(route, pattern, path), level);
      else
        whole = true;
    }
  }
  if (whole) invalidate_route(route.name, level);
}

void Cache::invalidate_path(std::string_view key, Validity level) noexcept {
  tell({tiers::PathInvalidated{key}, level, invalidations_.invalidate_path(hash(key), level)});
}

void Cache::invalidate_route(std::string_view name, Validity level) noexcept {
  tell({tiers::RouteInvalidated{name}, level, invalidations_.invalidate_route(hash(name), level)});
}

void Cache::invalidate_group(std::string_view name, Validity level) noexcept {
  tell({tiers::GroupInvalidated{name}, level, invalidations_.invalidate_group(hash(name), level)});
}

void Cache::invalidate_all(Validity level) noexcept {
  tell({tiers::AllInvalidated{}, level, invalidations_.invalidate_all(level)});
}

std::size_t Cache::purge(const policy::Purge& what) {
  using What = policy::Purge::What;
  const auto level = what.soft ? Validity::stale_once : Validity::invalid;
  // First the log of purges: fills under way are checked against it when they store.
  const auto sequence = invalidations_.next_sequence();
  purges_.add(what, sequence);
  tell({tiers::Purged{what}, level, sequence});
  if (what.what == What::all) invalidations_.invalidate_all(level);
  const bool one_query = what.what == What::path && what.text.find('?') != std::string::npos;
  std::size_t purged = 0;
  store_.each([&](const store::Entry& entry) {
    const policy::KeyView key(entry.key);
    const bool any = std::any_of(entry.variants.begin(), entry.variants.end(),
                                 [&](const auto& variant) { return what.concerns(key, variant->groups); });
    if (!any) return;
    ++purged;
    // The invalidation log keeps the purge beyond the process.
    if (what.what == What::group)
      invalidations_.invalidate_group(hash(policy::group_name(key.origin(), what.text)), level);
    else if (what.what != What::all && (what.soft || !one_query))
      invalidations_.invalidate_path(hash(key.invalidation_key()), level);
    if (!what.soft) store_.erase_older(entry.key, hash(entry.key), sequence);
  });
  return purged;
}

void Cache::set_marks(const settings::Route& route, const policy::KeyView& key, store::Response& response) {
  std::vector<std::shared_ptr<const store::Mark>> marks;
  marks.reserve(response.groups.size());
  for (const auto& group : response.groups)
    marks.push_back(invalidations_.mark_of_group(hash(policy::group_name(key.origin(), group))));
  for (const auto& binding : policy::bindings_of(route, key.path()))
    marks.push_back(invalidations_.mark_of_group(hash(binding)));
  response.path_mark_owner = invalidations_.mark_of_path(hash(key.invalidation_key()));
  response.path_mark = response.path_mark_owner.get();
  response.group_marks = std::move(marks);
}

policy::Detail Cache::why_not_valid(const store::Response& response, const Target& target) const noexcept {
  if (response.path_mark == nullptr || after_writes(response, target) == Validity::valid)
    return policy::Detail::none;  // it was stored under other settings
  return invalidations_.is_presumed(response.sequence, *response.path_mark, target.route_hash,
                                    response.group_marks)
             ? policy::Detail::mark_overflow
             : policy::Detail::invalidated;
}

bool Cache::store(const Target& target, std::shared_ptr<store::Response> response) {
  set_marks(*target.route, target.key, *response);
  if (after_writes(*response, target) != Validity::valid) return false;
  const auto put = store_.put(target.key.text(), target.hash, std::move(response));
  note_stored(target.key, target.hash, *target.route);
  return put == store::Store::Put::stored;
}

void Cache::note_head(const Target& target, const store::Response& held, const http::ResponseHead& head,
                      const policy::ExchangeTimes& when, policy::Sequence sequence,
                      const settings::Compression& compression) {
  const auto effect = policy::head_effect(held, held.body->size(), head.status, head.fields);
  if (effect == policy::HeadEffect::none || validity_of(held, target) != Validity::valid) return;
  const auto& facts = *target.facts;
  const auto key = target.key.text();
  if (effect == policy::HeadEffect::expires) {
    store_.outdate(target.hash, sequence, policy::secondary_key(facts, head.fields, *target.route, false));
    const auto entry = store_.peek(key, target.hash);
    if (!entry) return;
    auto by = std::make_shared<store::Entry>(*entry);
    const auto at = std::find_if(by->variants.begin(), by->variants.end(),
                                 [&](const auto& variant) { return variant.get() == &held; });
    if (at == by->variants.end()) return;  // a later response has taken its place
    *at = expired(held, when.requested.mono);
    store_.replace(target.hash, *entry, std::move(by));
    return;
  }
  const auto renewal = renewed(held, head, {facts, *target.route, compression, when, sequence});
  set_marks(*target.route, target.key, *renewal.response);
  if (renewal.against != policy::Detail::none || after_writes(*renewal.response, target) != Validity::valid)
    return;
  (void)store_.put(key, target.hash, renewal.response, &facts);
  note_stored(target.key, target.hash, *target.route);
}

void Cache::shorten_lifetimes(std::shared_ptr<const settings::Settings> settings) {
  {
    const std::lock_guard lock(newest_mutex_);
    newest_ = settings;
  }
  store_.each([&](const store::Entry& entry) {
    shorten(entry, settings->route_for(policy::KeyView(entry.key).path()));
  });
  refresh_scheduler_.look_at_all();
}

void Cache::note_stored(const policy::KeyView& key, std::uint64_t hash, const settings::Route& route) {
  std::shared_ptr<const settings::Settings> newest;
  {
    const std::lock_guard lock(newest_mutex_);
    newest = newest_;
  }
  if (!newest) return;
  const auto* newest_route = newest->route_for(key.path());
  if (newest_route == &route) return;
  if (const auto entry = store_.peek(key.text(), hash)) shorten(*entry, newest_route);
  if (route.keeps_warm()) refresh_scheduler_.look_at_all();
}

void Cache::shorten(const store::Entry& entry, const settings::Route* route) {
  if (route == nullptr || route->cache != settings::CacheMode::ttl) return;
  const auto ttl_of = [&](const store::Response& response) {
    return response.status == 200 ? route->ttl : route->negative_ttl.value_or(Millis{0});
  };
  const auto is_too_long = [&](const auto& response) {
    return response->lifetime.source == policy::Lifetime::Source::route_ttl &&
           response->lifetime.value > ttl_of(*response);
  };
  if (std::none_of(entry.variants.begin(), entry.variants.end(), is_too_long)) return;
  auto shorter = std::make_shared<store::Entry>(entry);
  for (auto& variant : shorter->variants) {
    if (!is_too_long(variant)) continue;
    auto response = std::make_shared<store::Response>(*variant);
    response->lifetime.value = ttl_of(*response);
    response->fresh_until =
        std::min(response->fresh_until, response->response_time + response->lifetime.value);
    variant = std::move(response);
  }
  store_.replace(store_.hash(entry.key), entry, std::move(shorter));
}

}  // namespace larder::cache
