#include "server/exchange.hpp"

#include "fill/name.hpp"
#include "http/max_forwards.hpp"
#include "http/target.hpp"
#include "http/text.hpp"
#include "policy/part.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace larder::server {

using policy::Detail;
using policy::Forward;
using policy::Outcome;

namespace {

constexpr int most_attempts = 3;  // to share a fill, before a request asks for itself

}  // namespace

Exchange::Exchange(Worker& worker, Client& client, const policy::Arrival& arrival,
                   const http::RequestHead& head, std::string_view head_bytes, bool last)
    : worker_(worker),
      client_(client),
      arrival_(arrival),
      head_(head),
      head_bytes_(head_bytes),
      persistence_{head.keep_alive && !last, head.minor_version},
      now_(Loop::now()),
      started_(now_.mono) {}

Exchange::~Exchange() = default;

// ---- Deciding
// -------------------------------------------------------------------------------------------------------

policy::RequestContext Exchange::context() const noexcept {
  return {settings(), worker_.shared.key_hash, arrival_};
}

// Of the head as it is now; what depends on the route once that is known.
void Exchange::read_facts() {
  const bool refresh = facts_.refresh;
  facts_ = policy::facts_of(head(), context());
  facts_.refresh = refresh;
  if (route_ != nullptr) policy::obey_directives(*route_, facts_);
}

Exchange::Done Exchange::try_now() {
  const auto path = http::normalise_path(head_.path, worker_.path);
  route_ = settings().route_for(path);
  view_ = worker_.view_of(route_);
  read_facts();
  const auto for_cache = policy::is_for_cache(facts_, route_);
  if (const auto* pass = std::get_if<policy::Pass>(&for_cache)) {
    decision_ = *pass;
    const bool may_be_stored = facts_.method == http::Method::get || facts_.method == http::Method::head;
    // RFC 9111 5.2.1.7: nothing is stored that could answer it.
    if (may_be_stored && facts_.directives.only_if_cached)
      decision_ = policy::Refuse{504, Detail::only_if_cached};
    else if (may_be_stored && route_ != nullptr)
      (void)read_fields_asked();
    return Done::not_yet;
  }
  if (head_.has_query && !route_->refresh_param.empty()) {
    facts_.refresh = policy::refresh_asked(head_.query, route_->refresh_param) == policy::Refresh::forced;
  }
  if (!read_fields_asked()) return Done::not_yet;
  policy::write_key(policy::authority_of(head_, settings()), path, head_, *route_, worker_.key);
  keyed_ = true;
  look_up();
  decision_ = policy::decide(facts_, *route_, held(), now_);
  if (const auto* serve = std::get_if<policy::Serve>(&decision_))
    return serve_now(*response_, serve->outcome, true);
  if (const auto* stale = std::get_if<policy::ServeThenRefresh>(&decision_)) {
    // RFC 9111 5.2.1.7: it asks for nothing to be fetched.
    if (!facts_.directives.only_if_cached) refresh_behind();
    return serve_now(*response_, stale->outcome, true);
  }
  if (const auto outcome = stale_while_failing()) return serve_now(*response_, *outcome, true);
  return Done::not_yet;
}

// False, and a decision to refuse, where the route's fields_param asks for what there is not.
bool Exchange::read_fields_asked() {
  if (!head_.has_query || route_->fields_param.empty()) return true;
  fields_asked_ = policy::fields_asked(head_.query, *route_);
  if (fields_asked_.problem.empty()) return true;
  decision_ = policy::Refuse{400, Detail::unknown_field};
  return false;
}

// One reader has waited for a fetch that failed; the next ones do not, and the next fetch runs behind them.
std::optional<Outcome> Exchange::stale_while_failing() {
  const auto* held = response_ != nullptr ? response_ : voided_;
  if (held == nullptr || (response_ != nullptr && (*response_)->is_fresh(now_.mono))) return std::nullopt;
  const auto failing = worker_.shared.fills.failing(worker_.key);
  if (!failing) return std::nullopt;
  const bool may_serve =
      response_ != nullptr
          ? policy::may_serve_while_failing(facts_, decision_, **held, failing->trouble, now_)
          : (*held)->stale_if_error && !policy::forces_fetch(facts_, *route_, nullptr, now_) &&
                policy::may_serve_on_error(facts_, **held, failing->trouble, now_);
  if (!may_serve) return std::nullopt;
  if (failing->until <= now_.mono && !facts_.directives.only_if_cached) refresh_behind();
  response_ = held;
  return stale_on_error();
}

// What a write made void is stale, however fresh it was.
Outcome Exchange::stale_on_error() const {
  Outcome outcome;
  outcome.hit = true;
  outcome.ttl = policy::ttl_seconds(**response_, now_.mono);
  if (response_ == voided_ || soft_) outcome.ttl = std::min<std::int64_t>(*outcome.ttl, -1);
  outcome.detail = Detail::stale_if_error;
  return outcome;
}

// The stored response for worker_.key that this request may be answered with, if there is one.
void Exchange::look_up() {
  const std::string_view key = worker_.key;
  hash_ = worker_.shared.store.hash(key);
  path_hash_ = worker_.shared.store.hash(policy::invalidation_key(key));
  response_ = nullptr;
  voided_ = nullptr;
  soft_ = false;
  entry_ = worker_.shared.store.find(key, hash_);
  if (!entry_) return;
  entry_->variants.front()->prefetch();
  bool any = false;
  for (const auto& variant : entry_->variants) {
    const auto state = void_of(*variant);
    if (state == store::Void::strict) continue;
    any = true;
    if (!policy::matches(variant->secondary, facts_)) continue;
    if (state == store::Void::hard) {
      if (voided_ == nullptr) voided_ = &variant;
      continue;
    }
    response_ = &variant;
    soft_ = state == store::Void::soft;
    variant->prefetch_sent();
    return;
  }
  if (any) return;
  // Nothing of it can be used again.
  worker_.shared.store.erase(key, hash_);
  entry_.reset();
}

policy::Held Exchange::held() const noexcept {
  if (response_ == nullptr) return {nullptr, entry_ != nullptr && voided_ == nullptr};
  const auto& interest = (*response_)->interest;
  return {response_->get(), false, soft_, interest != nullptr && interest->covers(now_.mono), forced_};
}

store::Void Exchange::void_of(const store::Response& response) const noexcept {
  if (response.made_by != view_.made_by) return store::Void::strict;  // a reload changed what it is made of
  return worker_.shared.writes.state_of(response.began, path_hash_, view_.hash, response.group_hashes);
}

// Asked when the fetch has failed: a write may have gone through since the request looked.
bool Exchange::may_be_served_on_error(policy::Trouble trouble) {
  const auto* held = response_ != nullptr ? response_ : voided_;
  if (held == nullptr) return false;
  const auto state = void_of(**held);
  if (state == store::Void::strict) return false;
  // What a write made void is served for want of anything else, where the operator or the API says so.
  if (state == store::Void::hard && !(*held)->stale_if_error) return false;
  response_ = held;
  return policy::may_serve_on_error(facts_, **held, trouble, now_);
}

void Exchange::refresh_behind() {
  own_request();
  auto fill_key = make_fill_key();
  auto joined = worker_.shared.fills.join(memory_key(), fill_key, path_hash_, view_.hash, 0, now_.mono);
  if (joined.role == fill::Role::follow) return;
  // A fill may have ended between the look-up and here, on another loop: what it stored is not fetched again.
  if (auto fresh = joined.role == fill::Role::lead ? fresh_in_store() : nullptr)
    return worker_.shared.fills.give_up(fill_key, joined.fill, std::move(fresh));
  auto order = make_order(std::move(fill_key), joined.role == fill::Role::alone);
  order.background = true;
  if (response_ != nullptr) order.interest = (*response_)->interest;
  fill::begin_fetch(worker_.resources(), std::move(joined.fill), std::move(order));
}

std::shared_ptr<const store::Response> Exchange::fresh_in_store() const {
  const auto entry = worker_.shared.store.peek(key_, hash_);
  if (!entry) return nullptr;
  const auto at = std::find_if(entry->variants.begin(), entry->variants.end(), [&](const auto& variant) {
    return variant->is_fresh(now_.mono) && !variant->must_validate && void_of(*variant) == store::Void::no &&
           policy::matches(variant->secondary, facts_) && policy::has_bytes_for(facts_, *variant, now_.wall);
  });
  return at == entry->variants.end() ? nullptr : *at;
}

// What the memory of responses that were not shared knows the request by: a credential's own are no reason for others to
// ask for themselves.
std::string Exchange::memory_key() const {
  return facts_.credentials && policy::has_foreign_credentials(facts_, *route_) ? key_ + "\n:credentials" : key_;
}

// ---- Fetching
// ---------------------------------------------------------------------------------------------------------

Task<Exchange::Done> Exchange::finish() {
  if (rest_pending_) {
    const auto result = co_await write_rest();
    client_.consume(head_bytes_.size());
    co_return result;
  }
  own_request();
  client_.consume(head_bytes_.size());
  if (const auto* refuse = std::get_if<policy::Refuse>(&decision_)) {
    Outcome outcome;
    outcome.detail = refuse->detail;
    const Problem answer{
        refuse->status,
        refuse->detail == Detail::unknown_field
            ? fields_asked_.problem
            : "nothing stored can answer, and the request asks for nothing else (only-if-cached)",
        {}};
    co_return co_await problem(answer, &outcome);
  }
  if (http::count_elements(head().fields, http::FieldId::via) > settings().limits.hops) {
    const Problem circle{508, "the request has passed too many proxies (limits.hops): it goes round in a circle", {}};
    const Outcome none;
    co_return co_await problem(circle, &none);
  }
  if (const auto* go = std::get_if<policy::Pass>(&decision_)) {
    warn_of_credentials(go->detail);
    Outcome outcome;
    outcome.forward = go->why;
    outcome.detail = go->detail;
    if (http::forwards_left(facts_.method, facts_.fields) == 0u) co_return co_await answer_finally();
    co_return co_await pass(outcome);
  }
  co_return co_await through_fill();
}

// The request's bytes leave the client's buffer, which its body or the next request may need.
void Exchange::own_request() {
  if (owned_) return;
  plan_ = worker_.plan();
  if (keyed_) key_ = worker_.key;
  owned_ = std::make_shared<const fill::OwnedRequest>(head_bytes_, settings(), arrival_);
  read_facts();
  names_ = upstream::names_of(owned_->head.fields, settings());
}

std::string Exchange::make_fill_key() const {
  return fill::name_of_fill(key_, *route_, facts_, entry_.get(), asks_for_part());
}

bool Exchange::asks_for_part() const noexcept {
  const auto* wait = std::get_if<policy::Wait>(&decision_);
  return wait != nullptr && wait->part;
}

fill::Order Exchange::make_order(std::string fill_key, bool alone) {
  fill::Order order;
  order.request = owned_;
  order.forced = facts_.refresh;
  if (alone) order.tags = tag_translation();
  order.plan = plan_;
  order.route = route_;
  order.key = key_;
  order.hash = hash_;
  order.fill_key = std::move(fill_key);
  order.memory_key = memory_key();
  if (response_ != nullptr) order.held = *response_;
  order.part = asks_for_part();
  order.alone = alone;
  order.counters = view_.counters;
  order.names = names_;
  return order;
}

// Whether what is stored by now answers a request that would have waited for a fetch: looked up once more, as other fills
// have ended meanwhile.
std::optional<Outcome> Exchange::found_meanwhile(policy::Sequence came) {
  now_ = Loop::now();
  worker_.key = key_;
  look_up();
  if (forced_) {
    if (response_ == nullptr || soft_ || (*response_)->began < came || !(*response_)->is_fresh(now_.mono) ||
        !policy::has_bytes_for(facts_, **response_, now_.wall))
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
  auto& fills = worker_.shared.fills;
  const auto came = worker_.shared.writes.begin_fill();
  forced_ = policy::forces_fetch(facts_, *route_, response_ != nullptr ? response_->get() : nullptr, now_);
  for (int attempt = 1;; ++attempt) {
    auto why = Forward::miss;
    if (const auto* wait = std::get_if<policy::Wait>(&decision_)) why = wait->why;
    if (const auto* validate = std::get_if<policy::Validate>(&decision_)) why = validate->why;
    const auto since = attempt > most_attempts ? worker_.shared.writes.begin_fill() : forced_ ? came : 0;

    auto fill_key = make_fill_key();
    auto joined = fills.join(memory_key(), fill_key, path_hash_, view_.hash, since, now_.mono,
                             route_->refresh_min_interval);
    const bool begins = joined.role == fill::Role::lead || joined.role == fill::Role::alone;
    // A fill may have ended between the look-up and here, on another loop.
    if (joined.role == fill::Role::lead) {
      const auto before = decision_;
      if (const auto found = found_meanwhile(came)) {
        fills.give_up(fill_key, joined.fill, *response_);
        co_return co_await serve(*response_, *found, true);
      }
      decision_ = before;
    }
    fill::Reader reader(worker_.loop, joined.fill, begins);
    if (joined.role == fill::Role::after) {
      co_await reader.settled();
      // The next one may have come and gone already.
      if (const auto found = found_meanwhile(came)) co_return co_await serve(*response_, *found, true);
      --attempt;
      continue;
    }
    if (begins) {
      const bool alone = joined.role == fill::Role::alone;
      fill::begin_fetch(worker_.resources(), joined.fill, make_order(std::move(fill_key), alone));
    }
    if (const auto done_with = co_await read_fill(reader, why)) co_return *done_with;

    // Another's fill had nothing for this request: look again, and ask alone where its key is known not to be
    // shared.
    if (const auto found = found_meanwhile(came)) co_return co_await serve(*response_, *found, true);
    decision_ = policy::decide(facts_, *route_, held(), now_);
    if (const auto* stale = std::get_if<policy::ServeThenRefresh>(&decision_)) {
      co_return co_await serve(*response_, stale->outcome, true);
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
Task<std::optional<Exchange::Done>> Exchange::read_fill(fill::Reader& reader, Forward why) {
  fill::Reader::News news;
  for (;;) {
    news = co_await reader.next();
    const auto* interim = std::get_if<std::string>(&news);
    if (interim == nullptr) break;
    if (head().minor_version == 0) continue;  // RFC 9110 15.2
    if (!co_await client_.write(*interim, settings().timeouts.write)) co_return Done::close;
  }
  now_ = Loop::now();
  view_.counters->waits.observe(now_.mono - started_);
  const auto& result = std::get<fill::Result>(news);
  upstream_time_ = std::visit([](const auto& end) { return end.took; }, result);
  Outcome outcome;
  outcome.forward = why;
  outcome.collapsed = !reader.began();

  if (const auto* answered = std::get_if<fill::Answered>(&result)) {
    if (reader.began()) complain_of(answered->detail);
    if (policy::is_error_status(answered->upstream_status) && !answered->stored &&
        may_be_served_on_error(policy::Trouble::error_status))
      co_return co_await serve(*response_, stale_on_error(), true);
    const auto& response = *answered->response;
    const bool for_all = answered->shareable && policy::matches(response.secondary, facts_) &&
                         policy::has_bytes_for(facts_, response, now_.wall) &&
                         // That a group was made void is known only now that the answer names its groups.
                         (response.group_hashes.empty() || void_of(response) == store::Void::no);
    if (!reader.began() && !for_all) co_return std::nullopt;
    outcome.stored = answered->stored && reader.began();
    if (reader.began()) for_me_alone_ = answered->for_the_asker;
    outcome.detail = answered->detail;
    if (answered->upstream_status == 304) outcome.forward_status = 304;
    co_return co_await serve(answered->response, outcome, !reader.began() || response.upstream_age);
  }
  if (const auto* unshared = std::get_if<fill::Unshared>(&result)) {
    if (policy::is_error_status(unshared->upstream_status) &&
        may_be_served_on_error(policy::Trouble::error_status))
      co_return co_await serve(*response_, stale_on_error(), true);
    if (!reader.began()) co_return std::nullopt;
    warn_of_credentials(unshared->detail);
    outcome.detail = unshared->detail;
    co_return co_await take_over(reader, outcome);
  }
  const auto& failed = std::get<fill::Failed>(result);
  if (may_be_served_on_error(failed.failure.is_disconnection() ? policy::Trouble::disconnected
                                                               : policy::Trouble::error_status)) {
    co_return co_await serve(*response_, stale_on_error(), true);
  }
  co_return co_await fail(failed.failure, outcome);
}

// One warning for a route: what bypasses the cache looks like a cache that does not work.
void Exchange::warn_of_credentials(Detail detail) {
  if (detail != Detail::request_authorization && detail != Detail::authorization) return;
  if (worker_.is_first_refusal(view_)) worker_.shared.notices.credentials_refused(route_->name);
}

// An operator who names fields wants to know that they are not cut; once a minute is enough.
void Exchange::complain_of(Detail detail) {
  if (detail != Detail::not_json && detail != Detail::not_projectable) return;
  if (!worker_.may_complain(view_, now_.mono)) return;
  spdlog::warn(
      "route {}: the answer to {} passes whole and is not stored: {}", route_->name,
      redacted(head().target, settings().access_log_redact),
      detail == Detail::not_json
          ? "it is no well-formed JSON of a JSON type"
          : "it is in a coding, must not be transformed, or has no list where `fields` and `items` say");
}

Task<Exchange::Done> Exchange::take_over(fill::Reader& reader, Outcome outcome) {
  auto handover = reader.take_handover();
  auto& call = *handover.call;
  co_return co_await relay(call, &handover, outcome, true);
}

// ---- Answers of our own
// -------------------------------------------------------------------------------------------------

Task<Exchange::Done> Exchange::fail(const upstream::Failure& failure, Outcome outcome) {
  outcome.detail = Detail::upstream_failed;
  Problem answer{failure.status(), failure.sentence(), {}};
  if (answer.status == 503) answer.retry_after = 1;
  co_return co_await problem(answer, &outcome);
}

Task<Exchange::Done> Exchange::problem(const Problem& problem, const Outcome* outcome) {
  std::string out;
  write_problem(problem, outcome, is_head(), persistence(), out);
  record(problem.status, out.size() - (out.find("\r\n\r\n") + 4), outcome != nullptr ? *outcome : Outcome{});
  const bool sent = co_await client_.write(out, settings().timeouts.write);
  co_return sent ? done() : Done::close;
}

std::string_view Exchange::shown_key() const noexcept {
  if (!keyed_ || !settings().cache.status_key) return {};
  return owned_ ? std::string_view(key_) : std::string_view(worker_.key);
}

Persistence& Exchange::persistence() noexcept {
  if (worker_.shared.draining.load(std::memory_order_relaxed)) persistence_.keep_alive = false;
  return persistence_;
}

void Exchange::record(int status, std::uint64_t body_bytes, const Outcome& outcome) {
  auto& counters = *view_.counters;
  counters.outcomes[static_cast<std::size_t>(policy::word_of(outcome))].add();
  if (status == 304) counters.not_modified.add();
  counters.body_bytes.add(static_cast<std::int64_t>(body_bytes));
  if (!worker_.access_log.is_on()) return;
  const auto ended = Loop::now();
  AccessRecord line;
  line.client = client_.address();
  line.method = head().method_name;
  line.target = head().target;
  line.minor_version = head().minor_version;
  if (const auto* field = http::find(head().fields, http::FieldId::user_agent))
    line.user_agent = field->value;
  if (const auto* field = http::find(head().fields, http::FieldId::referer)) line.referer = field->value;
  if (route_ != nullptr) line.route = route_->name;
  if (keyed_) line.key_hash = hash_;
  line.status = status;
  line.body_bytes = body_bytes;
  if (served_ != nullptr) line.original_bytes = served_->original_size;
  line.upstream_time = upstream_time_;
  // One that was answered at once has its names here alone.
  if (!owned_) names_ = upstream::names_of(head().fields, settings());
  line.traceparent = names_.traceparent;
  line.request_id = names_.request_id;
  line.outcome = outcome;
  line.duration = ended.mono - started_;
  worker_.access_log.append(line, ended.wall);
}

}  // namespace larder::server
