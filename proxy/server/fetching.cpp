// Exchange: leading a fill, following one, and what comes of it.

#include "policy/part.hpp"
#include "server/exchange.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace larder::server {

using policy::Detail;
using policy::Forward;
using policy::Outcome;

namespace {

constexpr int max_attempts = 3;  // to share a fill, before a request asks for itself

}  // namespace

// Asked when the fetch has failed: a write may have gone through since the request looked.
bool Exchange::may_be_served_on_error(policy::Trouble trouble) {
  const auto* held = found_.response != nullptr ? found_.response : found_.only_on_error;
  if (held == nullptr) return false;
  const auto validity = cache().validity_of(**held, target_);
  if (validity == store::Validity::invalid) return false;
  // What a write invalidated is served only where the operator or the API allows that.
  if (validity == store::Validity::only_on_error && !(*held)->stale_if_error) return false;
  found_.response = held;
  return policy::may_serve_on_error(facts_, **held, trouble, now_);
}

void Exchange::refresh_behind() {
  own_request();
  auto joined = cache().join(target_, found_.entry.get(), now_, {0, Millis{0}, asks_for_part()});
  if (joined.role == cache::Role::follow) return;
  // A fill may have ended between the look-up and here, on another loop: what it stored is not fetched again.
  if (auto fresh = joined.role == cache::Role::lead ? cache().fresh(target_, now_) : nullptr)
    return joined.permit.give_up(std::move(fresh));
  auto order = make_order(joined.role == cache::Role::uncollapsed);
  order.background = true;
  if (found_.response != nullptr) order.access_history = (*found_.response)->access_history;
  cache::begin_fetch(worker_.resources(), std::move(joined.permit), std::move(order));
}

bool Exchange::asks_for_part() const noexcept {
  const auto* wait = std::get_if<policy::Wait>(&decision_);
  return wait != nullptr && wait->part;
}

cache::Order Exchange::make_order(bool uncollapsed) {
  cache::Order order;
  order.request = owned_;
  order.forced = facts_.refresh;
  if (uncollapsed) {
    tags_ = tag_translation();
    order.tags = tags_;
  }
  order.plan = plan_;
  order.route = route_;
  order.key = key_;
  order.hash = target_.hash;
  if (found_.response != nullptr) order.held = *found_.response;
  order.part = asks_for_part();
  order.uncollapsed = uncollapsed;
  order.counters = view_.counters;
  order.names = names_;
  return order;
}

// Whether what is stored by now answers a request that would have waited for a fetch: looked up once more, as
// other fills have ended meanwhile.
std::optional<Outcome> Exchange::found_meanwhile(policy::Sequence came) {
  now_ = worker_.loop.now();
  found_ = cache().find(target_);
  if (forced_) {
    const auto* response = held_response();
    if (response == nullptr || found_.stale_once || response->sequence < came ||
        !response->is_fresh(now_.mono) || !policy::has_bytes_for(facts_, *response, now_.wall))
      return std::nullopt;
    Outcome outcome;
    outcome.forward = Forward::request;
    outcome.collapsed = true;
    return outcome;
  }
  auto decision = policy::decide(facts_, *route_, held(), now_);
  const auto* hit = std::get_if<policy::Serve>(&decision);
  if (hit == nullptr) return std::nullopt;
  auto outcome = hit->outcome;
  decision_ = std::move(decision);
  return outcome;
}

Task<Exchange::Done> Exchange::through_fill() {
  const auto came = cache().next_sequence();
  forced_ = policy::forces_fetch(facts_, *route_, held_response(), now_);
  for (int attempt = 1;; ++attempt) {
    auto why = Forward::miss;
    if (const auto* wait = std::get_if<policy::Wait>(&decision_)) why = wait->why;
    if (const auto* validate = std::get_if<policy::Validate>(&decision_)) why = validate->why;
    const auto since = attempt > max_attempts ? cache().next_sequence() : forced_ ? came : 0;

    auto joined = cache().join(target_, found_.entry.get(), now_,
                               {since, route_->refresh_min_interval, asks_for_part()});
    const bool begins = joined.role == cache::Role::lead || joined.role == cache::Role::uncollapsed;
    // A fill may have ended between the look-up and here, on another loop.
    if (joined.role == cache::Role::lead) {
      const auto before = decision_;
      if (const auto found = found_meanwhile(came)) {
        joined.permit.give_up(*found_.response);
        co_return co_await serve(*found_.response, *found, true);
      }
      decision_ = before;
    }
    cache::FillWaiter waiter(worker_.loop, joined.fill, begins);
    if (joined.role == cache::Role::retry_after_current) {
      co_await waiter.settled();
      // The next one may have come and gone already.
      if (const auto found = found_meanwhile(came)) co_return co_await serve(*found_.response, *found, true);
      --attempt;
      continue;
    }
    if (begins) {
      auto order = make_order(joined.role == cache::Role::uncollapsed);
      order.consult_tier = attempt == 1 && !forced_ && found_.entry == nullptr;
      cache::begin_fetch(worker_.resources(), std::move(joined.permit), std::move(order));
    }
    if (const auto done_with = co_await read_fill(waiter, why)) co_return *done_with;

    // Another's fill had nothing for this request: look again, and ask alone where its key is known not to be
    // shared.
    if (const auto found = found_meanwhile(came)) co_return co_await serve(*found_.response, *found, true);
    decision_ = policy::decide(facts_, *route_, held(), now_);
    if (const auto* stale = std::get_if<policy::ServeThenRefresh>(&decision_)) {
      const auto outcome = stale->outcome;
      refresh_behind();
      co_return co_await serve(*found_.response, outcome, true);
    }
    if (const auto* go = std::get_if<policy::Pass>(&decision_)) {
      Outcome outcome;
      outcome.forward = go->why;
      outcome.detail = go->detail;
      co_return co_await pass(outcome);
    }
  }
}

// nullopt where the fill was another's and its answer is not for this request.
Task<std::optional<Exchange::Done>> Exchange::read_fill(cache::FillWaiter& waiter, Forward why) {
  cache::FillWaiter::FillEvent news;
  for (;;) {
    news = co_await waiter.next();
    const auto* interim = std::get_if<std::string>(&news);
    if (interim == nullptr) break;
    if (head().minor_version == 0) continue;  // RFC 9110 15.2
    if (!co_await client_.write(*interim, settings().timeouts.write)) co_return Done::close;
  }
  now_ = worker_.loop.now();
  view_.counters->waits.observe(now_.mono - started_);
  const auto& result = std::get<cache::Result>(news);
  upstream_time_ = std::visit([](const auto& end) { return end.took; }, result);
  Outcome outcome;
  outcome.forward = why;
  outcome.collapsed = !waiter.is_leader();

  if (const auto* answered = std::get_if<cache::Completed>(&result)) {
    if (waiter.is_leader()) warn_not_projected(answered->detail);
    if (policy::is_error_status(answered->upstream_status) && !answered->stored &&
        may_be_served_on_error(policy::Trouble::error_status))
      co_return co_await serve(*found_.response, stale_on_error(), true);
    const auto& response = *answered->response;
    const bool for_all =
        answered->shareable && policy::matches(response.secondary, facts_) &&
        policy::has_bytes_for(facts_, response, now_.wall) &&
        // That a group was made void is known only now that the answer names its groups.
        (response.group_hashes.empty() || cache().validity_of(response, target_) == store::Validity::valid);
    if (!waiter.is_leader() && !for_all) co_return std::nullopt;
    outcome.stored = answered->stored && waiter.is_leader();
    if (waiter.is_leader()) private_fields_ = answered->for_requesting_client;
    outcome.detail = answered->detail;
    if (answered->upstream_status == 304) outcome.forward_status = 304;
    co_return co_await serve(answered->response, outcome, !waiter.is_leader() || response.upstream_age);
  }
  if (const auto* unshared = std::get_if<cache::Unshareable>(&result)) {
    if (policy::is_error_status(unshared->upstream_status) &&
        may_be_served_on_error(policy::Trouble::error_status))
      co_return co_await serve(*found_.response, stale_on_error(), true);
    if (!waiter.is_leader()) co_return std::nullopt;
    warn_of_credentials(unshared->detail);
    outcome.detail = unshared->detail;
    co_return co_await take_over(waiter, outcome);
  }
  if (std::holds_alternative<cache::Restored>(result)) co_return std::nullopt;
  const auto& failed = std::get<cache::Failed>(result);
  if (may_be_served_on_error(failed.failure.is_disconnection() ? policy::Trouble::disconnected
                                                               : policy::Trouble::error_status)) {
    co_return co_await serve(*found_.response, stale_on_error(), true);
  }
  co_return co_await fail(failed.failure, outcome);
}

// One warning for a route: what bypasses the cache looks like a cache that does not work.
void Exchange::warn_of_credentials(Detail detail) {
  if (detail != Detail::request_authorization && detail != Detail::authorization) return;
  if (worker_.is_first_credentials_refusal(view_)) worker_.shared.notices.credentials_refused(route_->name);
}

// An operator who names fields wants to know that they are not cut; once a minute is enough.
void Exchange::warn_not_projected(Detail detail) {
  if (detail != Detail::not_json && detail != Detail::not_projectable) return;
  if (!worker_.may_warn(view_, now_.mono)) return;
  spdlog::warn(
      "route {}: the answer to {} passes whole and is not stored: {}", route_->name,
      redacted(head().target, settings().access_log_redact),
      detail == Detail::not_json
          ? "it is no well-formed JSON of a JSON type"
          : "it is in a coding, must not be transformed, or has no list where `fields` and `items` say");
}

Task<Exchange::Done> Exchange::take_over(cache::FillWaiter& waiter, Outcome outcome) {
  auto handover = waiter.take_handover();
  auto& call = *handover.call;
  co_return co_await relay(call, &handover, outcome, true);
}

}  // namespace larder::server
