#include "cache/publish.hpp"

#include "cache/represent.hpp"
#include "http/coding.hpp"
#include "policy/precondition.hpp"

#include <algorithm>

namespace larder::cache {

using policy::Detail;

namespace {

policy::Millis took(const policy::ExchangeTimes& when) {
  return when.received.mono - when.requested.mono;
}

}  // namespace

Publisher::Publisher(Resources deps, Permit permit, const Order& order, const policy::RequestFacts& facts)
    : deps_(deps),
      cache_(deps.cache),
      permit_(std::move(permit)),
      order_(order),
      facts_(facts),
      pending_(cache_.store_, order_.hash, permit_.fill().sequence()) {}

Target Publisher::target() const noexcept {
  const auto& fill = permit_.fill();
  return {order_.route, &facts_, order_.key.view(), order_.hash, fill.path_hash(), fill.route_hash()};
}

bool Publisher::publish(const std::shared_ptr<store::Response>& response, Result result) {
  const auto detail = result.against;
  // Identity was requested, because other clients may not accept the coding: a coded response is for its
  // requesting client only.
  const bool coded = detail != Detail::none && http::is_coded(result.call->head().fields);
  const bool judged_unstorable =
      detail != Detail::none && detail != Detail::not_json && detail != Detail::not_projectable;
  const bool shareable = response->fresh_until > response->response_time && !response->must_validate &&
                         !coded && !judged_unstorable;
  Completed answer{
      response, false, shareable, detail, result.upstream_status, std::move(result.for_requesting_client)};
  cache_.fills_.succeeded(order_.hash);
  cache_.set_marks(*order_.route, order_.key.view(), *response);
  response->access_history =
      cache_.refresh_scheduler_.access_history_of(*order_.route, order_.key.text(), response->secondary);
  // Design, invariant 5.
  if (detail == Detail::none && cache_.after_writes(*response, target()) != store::Validity::valid) {
    const bool forgotten = cache_.why_not_valid(*response, target()) == Detail::mark_overflow;
    answer.detail = forgotten ? Detail::mark_overflow : Detail::superseded;
  }
  if (answer.detail == Detail::none &&
      !(response->part && whole_is_stored(*response, result.when.received))) {
    const auto put = cache_.store_.put(order_.key.text(), order_.hash, response, &facts_, &pending_);
    answer.stored = put == store::Store::Put::stored;
    if (put == store::Store::Put::too_large) answer.detail = Detail::body_too_large;
    if (put == store::Store::Put::outdated) answer.detail = Detail::superseded;
  }
  const bool is_scheduled = answer.stored && response->access_history && schedule(*response, result.when);
  if (answer.stored) cache_.note_stored(order_.key.view(), order_.hash, *order_.route);
  if (shareable && answer.detail == Detail::none)
    forget_unshared();
  else
    remember(answer.detail, !shareable, result.when.received.mono);
  if (answer.detail != Detail::none) note_not_stored(answer.detail);
  // A 304 counts as the 200 that it validates.
  supersede(answer.detail, response->status, result);
  if (answer.detail == Detail::none) answer.detail = result.note;
  result.call.reset();
  answer.took = took(result.when);
  permit_.settle(std::move(answer));
  return is_scheduled;
}

void Publisher::share_error(std::shared_ptr<store::Response> response, Result result) noexcept {
  Completed answer;
  answer.response = std::move(response);
  answer.detail = result.against;
  answer.upstream_status = result.upstream_status;
  answer.for_requesting_client = std::move(result.for_requesting_client);
  note_not_stored(result.against);
  remember(result.against, false, result.when.received.mono);
  note_status(result.upstream_status);
  supersede(result.against, result.upstream_status, result);
  result.call.reset();
  answer.took = took(result.when);
  permit_.settle(std::move(answer));
}

void Publisher::hand_over(std::string prefix, bool complete, Result result, BodyShare share) noexcept {
  const auto status = result.call->head().status;
  note_not_stored(result.against);
  remember(result.against, true, result.when.received.mono);
  note_status(status);
  supersede(result.against, status, result);
  permit_.fill().offer(Handover{std::move(result.call), std::move(prefix), complete, std::move(share)});
  permit_.settle(Unshareable{result.against, status, took(result.when)});
}

void Publisher::look_again() noexcept {
  permit_.settle(LookAgain{});
}

void Publisher::fail(upstream::Failure failure, const policy::ExchangeTimes& when) noexcept {
  failure.count(deps_.loop.counters(), order_.counters);
  cache_.fills_.failed(
      order_.hash, failure.is_disconnection() ? policy::Trouble::disconnected : policy::Trouble::error_status,
      deps_.loop.now().mono);
  permit_.settle(Failed{std::move(failure), took(when)});
}

// A part does not replace a complete response that was stored meanwhile.
bool Publisher::whole_is_stored(const store::Response& part, policy::Now now) const {
  const auto entry = cache_.store_.peek(order_.key.text(), order_.hash);
  if (!entry) return false;
  return std::any_of(entry->variants.begin(), entry->variants.end(), [&](const auto& other) {
    return !other->part && other->is_fresh(now.mono) && policy::matches(other->secondary, facts_) &&
           other->sequence >= part.sequence;
  });
}

// Design, invariant 6: a response that is not stored supersedes the stored one, unless the reason concerns
// only this request, or a write has come meanwhile, which has invalidated the stored one already.
void Publisher::supersede(Detail why, int status, const Result& result) noexcept {
  switch (why) {
    case Detail::none:
    case Detail::stale_if_error:
    case Detail::superseded:
    case Detail::mark_overflow:
    case Detail::request_no_store:
    case Detail::request_conditions:
    case Detail::authorization:
      return;
    default:
      break;
  }
  if (!policy::supersedes(status, facts_)) return;
  std::optional<policy::SecondaryKey> secondary;  // nullopt, of every request, without memory for it
  try {
    secondary = policy::secondary_key(facts_, result.call->head().fields, *order_.route, result.identity);
  } catch (const std::exception&) {
  }
  cache_.supersede(target(), permit_.fill().sequence(), secondary);
}

// False if the refresh scheduler has no memory for it: then the entry expires like others.
bool Publisher::schedule(const store::Response& response, const policy::ExchangeTimes& when) noexcept {
  try {
    cache_.refresh_scheduler_.fetched({order_, response, when.requested.mono, deps_.loop.now().mono},
                                      order_.plan->settings->cache.kept_warm);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void Publisher::remember(Detail why, bool for_the_next, policy::MonoTime when) noexcept {
  // A reason that concerns only this request does not apply to the next one.
  if (why == Detail::request_no_store || why == Detail::request_conditions) return;
  const auto until = for_the_next ? when + order_.plan->settings->cache.uncacheable_memory : when;
  try {
    cache_.fills_.remember_unshared(Cache::memory_of(target()),
                                    {why, when, until, cache_.hash(order_.key.view().target())});
  } catch (const std::exception&) {
  }
}

void Publisher::forget_unshared() noexcept {
  try {
    cache_.fills_.forget_unshared(Cache::memory_of(target()));
  } catch (const std::exception&) {
  }
}

void Publisher::note_not_stored(Detail why) noexcept {
  if (order_.counters != nullptr) order_.counters->not_stored[static_cast<std::size_t>(why)].add();
}

void Publisher::note_status(int status) noexcept {
  if (policy::is_error_status(status))
    cache_.fills_.failed(order_.hash, policy::Trouble::error_status, deps_.loop.now().mono);
  else
    cache_.fills_.succeeded(order_.hash);
}

}  // namespace larder::cache
