#include "cache/request_flow.hpp"

#include "policy/part.hpp"

#include <algorithm>
#include <utility>

namespace larder::cache {

using policy::Decision;
using policy::Detail;
using policy::Forward;
using policy::Now;
using policy::Outcome;

namespace {

constexpr int max_attempts = 3;  // to share a fill; after these, only a fill that begins later is good enough

}  // namespace

RequestFlow::Immediate RequestFlow::begin(Cache& cache, const settings::Route& route,
                                          std::uint64_t route_hash, const policy::KeyView& key,
                                          const policy::RequestFacts& facts, Now now) {
  cache_ = &cache;
  target_ = cache.target(route, route_hash, key, facts);
  cache.find(target_, found_);
  left_out_ = found_.left_out;
  decision_ = policy::decide(*target_.facts, *target_.route, held_for(now), now);
  if (const auto* serve = std::get_if<policy::Serve>(&decision_)) return {&serve->outcome, false};
  if (const auto* stale = std::get_if<policy::ServeThenRefresh>(&decision_)) {
    // RFC 9111 5.2.1.7: with only-if-cached the request asks for nothing to be fetched.
    return {&stale->outcome, !target_.facts->directives.only_if_cached};
  }
  return stale_while_failing(now);
}

policy::Held RequestFlow::held_for(Now now) const noexcept {
  if (found_.response == nullptr)
    return {nullptr, found_.entry != nullptr && found_.only_on_error == nullptr};
  const auto& response = **found_.response;
  const auto& history = response.access_history;
  return {&response, false, found_.stale_once, history != nullptr && history->has_refresh_lease(now.mono),
          forced_};
}

// One request has waited for a fetch that failed; the next ones do not, and the next fetch runs in the
// background.
RequestFlow::Immediate RequestFlow::stale_while_failing(Now now) {
  const auto& facts = *target_.facts;
  const auto* stored = found_.response != nullptr ? found_.response : found_.only_on_error;
  if (stored == nullptr || (found_.response != nullptr && (*stored)->is_fresh(now.mono))) return {};
  const auto failing = cache_->failing(target_.key);
  if (!failing) return {};
  const bool may_serve =
      found_.response != nullptr
          ? policy::may_serve_while_failing(facts, decision_, **stored, failing->trouble, now)
          : (*stored)->stale_if_error && !policy::forces_fetch(facts, *target_.route, nullptr, now) &&
                policy::may_serve_on_error(facts, **stored, failing->trouble, now);
  if (!may_serve) return {};
  found_.response = stored;
  decision_ = policy::Serve{stale_on_error(now)};
  return {&std::get<policy::Serve>(decision_).outcome,
          failing->until <= now.mono && !facts.directives.only_if_cached};
}

// A response that a write invalidated is stale, however fresh it was.
Outcome RequestFlow::stale_on_error(Now now) const {
  Outcome outcome;
  outcome.hit = true;
  outcome.ttl = policy::ttl_seconds(**found_.response, now.mono);
  if (found_.response == found_.only_on_error || found_.stale_once)
    outcome.ttl = std::min<std::int64_t>(*outcome.ttl, -1);
  outcome.detail = Detail::stale_if_error;
  return outcome;
}

// Asked when the fetch has failed: a write may have passed since the request was looked up.
bool RequestFlow::may_be_served_on_error(policy::Trouble trouble, Now now) {
  const auto* stored = found_.response != nullptr ? found_.response : found_.only_on_error;
  if (stored == nullptr) return false;
  const auto validity = cache_->validity_of(**stored, target_);
  if (validity == store::Validity::invalid) return false;
  // What a write invalidated is served only where the operator or the API allows that.
  if (validity == store::Validity::only_on_error && !(*stored)->stale_if_error) return false;
  found_.response = stored;
  return policy::may_serve_on_error(*target_.facts, **stored, trouble, now);
}

RequestFlow::Action RequestFlow::serve_on_error(Now now) const {
  return Serve{*found_.response, stale_on_error(now), true, {}, false};
}

Outcome RequestFlow::streamed() const noexcept {
  Outcome outcome;
  outcome.forward = why_;
  outcome.detail = Detail::streamed;
  return outcome;
}

bool RequestFlow::asks_for_part() const noexcept {
  const auto* wait = std::get_if<policy::Wait>(&decision_);
  return wait != nullptr && wait->part;
}

std::optional<Joined> RequestFlow::join_refresh(Now now) {
  auto joined = cache_->join(target_, found_.entry.get(), now, {0, Millis{0}, asks_for_part()});
  if (joined.role == Role::follow || joined.role == Role::retry_after_current) return std::nullopt;
  // A fill may have ended between the look-up and here, on another loop: what it stored is not fetched again.
  if (auto fresh = joined.role == Role::lead ? cache_->fresh(target_, now) : nullptr) {
    joined.permit.give_up(std::move(fresh));
    return std::nullopt;
  }
  return joined;
}

// What is stored by now may answer a request that would have waited for a fetch, as other fills have ended
// meanwhile.
std::optional<Outcome> RequestFlow::look_again(Now now) {
  cache_->find(target_, found_);
  if (forced_) {
    const auto* response = held();
    if (response == nullptr || found_.stale_once || response->sequence < came_ ||
        !response->is_fresh(now.mono) || !policy::has_bytes_for(*target_.facts, *response, now.wall))
      return std::nullopt;
    Outcome outcome;
    outcome.forward = Forward::request;
    outcome.collapsed = true;
    return outcome;
  }
  auto decision = policy::decide(*target_.facts, *target_.route, held_for(now), now);
  const auto* hit = std::get_if<policy::Serve>(&decision);
  if (hit == nullptr) return std::nullopt;
  auto outcome = hit->outcome;
  decision_ = std::move(decision);
  return outcome;
}

RequestFlow::Action RequestFlow::start(Now now) {
  came_ = cache_->next_sequence();
  forced_ = policy::forces_fetch(*target_.facts, *target_.route, held(), now);
  attempt_ = 1;
  return join(now);
}

RequestFlow::Action RequestFlow::join(Now now) {
  why_ = Forward::miss;
  if (const auto* wait = std::get_if<policy::Wait>(&decision_)) why_ = wait->why;
  if (const auto* validate = std::get_if<policy::Validate>(&decision_)) why_ = validate->why;
  const auto since = attempt_ > max_attempts ? cache_->next_sequence() : forced_ ? came_ : 0;
  auto joined = cache_->join(target_, found_.entry.get(), now,
                             {since, target_.route->refresh_min_interval, asks_for_part()});
  is_leader_ = joined.role == Role::lead || joined.role == Role::uncollapsed;
  // A fill may have ended between the look-up and here, on another loop.
  if (joined.role == Role::lead) {
    if (const auto found = look_again(now)) {
      joined.permit.give_up(*found_.response);
      return Serve{*found_.response, *found, true, {}, false};
    }
  }
  if (joined.role == Role::retry_after_current) return AwaitCurrent{std::move(joined.fill)};
  if (!is_leader_) return Follow{std::move(joined.fill)};
  const bool consult_tier = attempt_ == 1 && !forced_ && found_.entry == nullptr;
  return Fetch{std::move(joined), consult_tier};
}

RequestFlow::Action RequestFlow::resume_after_current(Now now) {
  // The next fill may have begun and ended already.
  if (const auto found = look_again(now)) return Serve{*found_.response, *found, true, {}, false};
  return join(now);
}

// The fill had nothing for this request: looks again, and forwards it by itself where its key is known not to
// be shared.
RequestFlow::Action RequestFlow::join_again(Now now) {
  if (const auto found = look_again(now)) return Serve{*found_.response, *found, true, {}, false};
  decision_ = policy::decide(*target_.facts, *target_.route, held_for(now), now);
  if (const auto* stale = std::get_if<policy::ServeThenRefresh>(&decision_))
    return Serve{*found_.response, stale->outcome, true, {}, true};
  if (const auto* go = std::get_if<policy::Pass>(&decision_)) {
    Outcome outcome;
    outcome.forward = go->why;
    outcome.detail = go->detail;
    return PassThrough{outcome};
  }
  ++attempt_;
  return join(now);
}

// nullopt: the response is not for this request.
std::optional<RequestFlow::Action> RequestFlow::completed(Completed& result, Outcome& outcome, Now now) {
  if (policy::is_error_status(result.upstream_status) && !result.stored &&
      may_be_served_on_error(policy::Trouble::error_status, now))
    return serve_on_error(now);
  const auto& response = *result.response;
  const bool is_for_all =
      result.shareable && policy::matches(response.secondary, *target_.facts) &&
      policy::has_bytes_for(*target_.facts, response, now.wall) &&
      // Whether one of its groups was invalidated is known only now that the response names its groups.
      (response.group_marks.empty() || cache_->validity_of(response, target_) == store::Validity::valid);
  if (!is_leader_ && !is_for_all) return std::nullopt;
  outcome.stored = result.stored && is_leader_;
  outcome.detail = result.detail != Detail::none ? result.detail : left_out_;
  if (result.upstream_status == 304) outcome.forward_status = 304;
  const bool with_age = !is_leader_ || response.upstream_age;
  return Serve{std::move(result.response), outcome, with_age,
               is_leader_ ? std::move(result.for_requesting_client) : std::string(), false};
}

RequestFlow::Action RequestFlow::resume(Result result, Now now) {
  Outcome outcome;
  outcome.forward = why_;
  outcome.collapsed = !is_leader_;
  if (auto* done = std::get_if<Completed>(&result)) {
    if (auto action = completed(*done, outcome, now)) return std::move(*action);
    return join_again(now);
  }
  if (const auto* unshared = std::get_if<Unshareable>(&result)) {
    if (policy::is_error_status(unshared->upstream_status) &&
        may_be_served_on_error(policy::Trouble::error_status, now))
      return serve_on_error(now);
    if (!is_leader_) return join_again(now);
    outcome.detail = unshared->detail;
    return TakeOver{outcome};
  }
  if (std::holds_alternative<LookAgain>(result)) return join_again(now);
  auto& failed = std::get<Failed>(result);
  const auto trouble =
      failed.failure.is_disconnection() ? policy::Trouble::disconnected : policy::Trouble::error_status;
  if (may_be_served_on_error(trouble, now)) return serve_on_error(now);
  return Fail{std::move(failed.failure), outcome};
}

}  // namespace larder::cache
