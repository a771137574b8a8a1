// Exchange: carries out what its RequestFlow decides for a request that waits.

#include "server/exchange.hpp"
#include "server/watch.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace larder::server {

using policy::Detail;

void Exchange::refresh_in_background() {
  own_request();
  auto joined = flow_.join_refresh(now_);
  if (!joined) return;
  auto order = make_order(joined->role == cache::Role::uncollapsed);
  order.background = true;
  if (const auto* held = flow_.held()) order.access_history = held->access_history;
  cache::begin_fetch(worker_.resources(), std::move(joined->permit), std::move(order));
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
  order.key = memory_.key;
  order.hash = flow_.target().hash;
  if (flow_.held() != nullptr) order.held = *flow_.found().response;
  order.part = flow_.asks_for_part();
  order.uncollapsed = uncollapsed;
  order.counters = view_.counters;
  order.names = names_;
  return order;
}

Task<void> Exchange::through_fill() {
  using Flow = cache::RequestFlow;
  auto action = flow_.start(now_);
  for (;;) {
    if (auto* current = std::get_if<Flow::AwaitCurrent>(&action)) {
      cache::FillWaiter waiter(worker_.loop, std::move(current->fill), false);
      co_await waiter.settled(cache::longest_fill(settings().upstream));
      now_ = worker_.loop.now();
      action = flow_.resume_after_current(now_);
      continue;
    }
    std::optional<cache::FillWaiter> waiter;
    if (auto* fetch = std::get_if<Flow::Fetch>(&action)) {
      waiter.emplace(worker_.loop, std::move(fetch->joined.fill), true);
      auto order = make_order(fetch->joined.role == cache::Role::uncollapsed);
      order.consult_tier = fetch->consult_tier;
      cache::begin_fetch(worker_.resources(), std::move(fetch->joined.permit), std::move(order));
    } else if (auto* follow = std::get_if<Flow::Follow>(&action)) {
      waiter.emplace(worker_.loop, std::move(follow->fill), false);
    } else {
      co_return co_await answer(action, nullptr);
    }
    auto result = co_await await_result(*waiter);
    if (!result) co_return;
    if (streamed_) co_return co_await end_streamed(*result, *waiter);
    action = flow_.resume(std::move(*result), now_);
    if (std::holds_alternative<Flow::TakeOver>(action)) co_return co_await answer(action, &*waiter);
  }
}

// nullopt: the client cannot be reached.
Task<std::optional<cache::Result>> Exchange::await_result(cache::FillWaiter& waiter) {
  Watch watch(worker_.loop, stream_, [&waiter] { waiter.wake(); });
  // Most fetches end long before the client is watched.
  auto timeout = settings().upstream.fill_timeout;
  bool is_watched = false;
  const auto wait = [&]() -> Task<std::optional<cache::Result>> {
    for (;;) {
      auto news = co_await waiter.next(timeout);
      if (!news && !is_watched) {
        is_watched = true;
        timeout = cache::longest_fill(settings().upstream);
        watch.start(Millis{0});
        // It may have gone before anybody watched.
        if (watch.client_has_gone()) co_return std::nullopt;
        continue;
      }
      if (!news && watch.client_has_gone()) co_return std::nullopt;
      if (!news)
        co_return cache::Result{cache::Failed{{upstream::FailureKind::total_timeout, {}, {}}, timeout}};
      bool is_reachable = true;
      if (const auto* interim = std::get_if<store::MadeHead>(&*news)) {
        is_reachable = co_await stream_.send_interim(*interim);
      } else if (const auto* piece = std::get_if<cache::FillWaiter::Piece>(&*news)) {
        is_reachable = co_await send_piece(*piece);
      } else {
        co_return std::get<cache::Result>(std::move(*news));
      }
      if (!is_reachable) co_return std::nullopt;
    }
  };
  auto result = co_await beside(wait, [&] { return watch.stop(); });
  now_ = worker_.loop.now();
  if (!result) {
    record(client_has_gone, streamed_ ? waiter.taken() : 0, streamed_ ? *streamed_ : policy::Outcome{});
    co_return std::nullopt;
  }
  if (!streamed_) view_.counters->waits.observe(now_.mono - started_);
  upstream_time_ = std::visit([](const auto& end) { return end.took; }, *result);
  co_return result;
}

// The response is sent while it is fetched, to the client whose request started the fetch.
Task<bool> Exchange::send_piece(const cache::FillWaiter::Piece& piece) {
  if (!streamed_) {
    streamed_ = flow_.streamed();
    view_.counters->waits.observe(worker_.loop.now().mono - started_);
    (void)stream_.begin({piece.head->head, {}, false, *streamed_, shown_key(), request_id()});
  }
  if (piece.data.empty()) co_return co_await stream_.flush();
  co_return co_await stream_.write(piece.data);
}

Task<void> Exchange::end_streamed(cache::Result& result, cache::FillWaiter& waiter) {
  if (const auto* done = std::get_if<cache::Completed>(&result)) {
    const auto& body = *done->response->body;
    const bool is_sent = co_await stream_.write(std::string_view(body).substr(waiter.taken()));
    if (is_sent) (void)co_await stream_.finish();
    co_return record(200, body.size(), *streamed_);
  }
  if (std::holds_alternative<cache::Unshareable>(result)) {
    auto handover = waiter.take_handover();
    auto& call = *handover.call;
    handover.prefix.erase(0, waiter.taken());
    streamed_->detail = std::get<cache::Unshareable>(result).detail;
    co_return co_await relay(call, &handover, *streamed_, true);
  }
  record(200, waiter.taken(), *streamed_);
  stream_.reset();
}

// The last action of a flow. `waiter` is of the fill that is taken over.
Task<void> Exchange::answer(cache::RequestFlow::Action& action, cache::FillWaiter* waiter) {
  using Flow = cache::RequestFlow;
  if (auto* stored = std::get_if<Flow::Serve>(&action)) {
    if (flow_.is_leader()) warn_not_projected(stored->outcome);
    if (stored->refresh) refresh_in_background();
    private_fields_ = std::move(stored->for_requesting_client);
    co_return co_await serve(std::move(stored->response), stored->outcome, stored->with_age);
  }
  if (const auto* go = std::get_if<Flow::PassThrough>(&action)) co_return co_await pass(go->outcome);
  if (const auto* taken = std::get_if<Flow::TakeOver>(&action)) {
    warn_of_credentials(taken->outcome.detail);
    auto handover = waiter->take_handover();
    auto& call = *handover.call;
    co_return co_await relay(call, &handover, taken->outcome, true);
  }
  const auto& failed = std::get<Flow::Fail>(action);
  co_return co_await fail(failed.failure, failed.outcome);
}

// One warning for a route: what bypasses the cache looks like a cache that does not work.
void Exchange::warn_of_credentials(Detail detail) {
  if (detail != Detail::request_authorization && detail != Detail::authorization) return;
  if (worker_.is_first_credentials_refusal(view_)) worker_.shared.notices.credentials_refused(route_->name);
}

// A route whose fields fit no response is mostly a mistake in the configuration. Once a minute is enough.
void Exchange::warn_not_projected(const policy::Outcome& outcome) {
  const auto detail = outcome.detail;
  if (detail != Detail::not_json && detail != Detail::not_projectable) return;
  if (!worker_.may_warn(view_, now_.mono)) return;
  const auto target = redacted(head().target, settings().access_log_redact);
  if (outcome.stored) {
    spdlog::warn(
        "route {}: the response to {} is stored and sent whole: it has no list of objects where `items` "
        "says, "
        "or no object in it has any of the members in fields: [{}]; run `larder check`, which names the "
        "members that exist",
        route_->name, target, fmt::join(route_->fields, ", "));
    return;
  }
  spdlog::warn(
      "route {}: the response to {} is sent whole and not stored: {}", route_->name, target,
      detail == Detail::not_json
          ? "it is not well-formed JSON with a JSON media type"
          : "it has a content coding that larder cannot decode, must not be transformed (no-transform), or "
            "exceeds limits.json_depth, limits.json_members or cache.max_body");
}

}  // namespace larder::server
