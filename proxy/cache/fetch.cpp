#include "cache/fetch.hpp"

#include "cache/cache.hpp"
#include "cache/collect.hpp"
#include "cache/consult_tier.hpp"
#include "cache/fetched.hpp"
#include "cache/publish.hpp"
#include "cache/renew.hpp"
#include "cache/represent.hpp"
#include "net/spawn.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "store/interim.hpp"
#include "upstream/request.hpp"

#include <fmt/format.h>

namespace larder::cache {

namespace {

using http::FieldId;
using policy::Detail;
using upstream::Failure;

constexpr Millis unwanted_interval{1000};

class Fetch {
 public:
  Fetch(Resources resources, Permit permit, Order order)
      : deps_(resources),
        order_(std::move(order)),
        settings_(*order_.plan->settings),
        route_(*order_.route),
        facts_(policy::facts_of(order_.request->head,
                                {settings_, deps_.cache.key_hash(), order_.request->arrival})),
        publisher_(deps_, std::move(permit), order_, facts_),
        sent_{route_.projects(), false, false},
        until_(deps_.loop.now().mono + settings_.upstream.total_timeout),
        total_(deps_.loop.sweeper(), [this] { cancel(); }),
        unwanted_(deps_.loop.sweeper(), [this] { end_if_unwanted(); }) {
    total_.set(settings_.upstream.total_timeout);
    if (!order_.background) unwanted_.set(settings_.upstream.fill_timeout);
    policy::obey_directives(route_, facts_);
    // A refresh is for no client: the directives of the request that it repeats are ignored.
    if (order_.background) facts_.directives = {};
    if (order_.access_history) order_.access_history->begin_refresh_lease(policy::MonoTime::max());
    if (!order_.background) return;
    deps_.loop.counters().refreshes.add();
    publisher_.fill().set_background(deps_.loop, [this] {
      order_.background = false;
      if (call_) call_->promote();
    });
  }
  ~Fetch() {
    publisher_.fill().end_stream();
    if (order_.access_history) order_.access_history->end_refresh_lease();
    if (is_in_background_) publisher_.fill().set_background(deps_.loop, nullptr);
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  Task<void> run() {
    if (order_.consult_tier) {
      const bool is_restored = co_await consult_tier(deps_.cache, deps_.loop, order_.key.text());
      if (is_restored) co_return publisher_.look_again();
    }
    const auto& held = order_.held;
    auto kind = FetchKind::plain;
    if (order_.part)
      kind = FetchKind::range;
    else if (held && !held->part && held->has_validator())
      kind = FetchKind::validation;
    else if (held && policy::rest_of(*held))
      kind = FetchKind::remainder;
    if (auto failed = co_await ask(kind)) co_return fail(std::move(*failed));
    const bool is_validated = kind == FetchKind::validation && call_->head().status == 304;
    // RFC 9111 4.3.4: by a date alone, a 304 that names a tag may be of another representation of the same
    // second.
    if (is_validated && (!held->upstream_entity_tag.empty() || names_held(*held, call_->head().fields)))
      co_return renew();
    const bool is_another_part =
        kind == FetchKind::remainder && call_->head().status == 206 && !brings_the_rest();
    if (is_validated || is_another_part) {
      kind = FetchKind::plain;
      if (auto failed = co_await ask(kind)) co_return fail(std::move(*failed));
    }
    sent_.part = kind == FetchKind::range || kind == FetchKind::remainder;
    co_await receive();
  }

 private:
  enum class FetchKind : std::uint8_t { plain, validation, range, remainder };

  void begin_call() {
    const auto priority = order_.background ? upstream::Priority::background : upstream::Priority::foreground;
    call_ = std::make_unique<upstream::Call>(deps_.pool, settings_.gate, priority);
    call_->set_path(order_.request->head.path);
  }

  [[nodiscard]] bool keeps_client_conditions(FetchKind kind) const {
    return order_.uncollapsed && kind == FetchKind::plain && order_.held == nullptr && !route_.projects();
  }

  [[nodiscard]] bool has_conditions() const {
    return facts_.if_none_match != nullptr || facts_.preconditions ||
           http::find(facts_.fields, FieldId::if_modified_since) != nullptr;
  }

  // Sends the request and reads heads until the final one; retries once if a pooled connection had died.
  Task<std::optional<Failure>> ask(FetchKind kind) {
    begin_call();
    // The target and host in the key's spelling, so that a different spelling cannot fill its entry.
    const auto key = order_.key.view();
    const auto target = order_.forced && !is_in_background_
                            ? policy::forced_target(key, order_.request->head.query, route_)
                            : std::string(key.target());
    upstream::RequestOptions options;
    options.arrival = order_.request->arrival;
    options.host = key.authority();
    options.target = target;
    options.as_get = true;
    options.with_body = false;
    options.with_expect = false;
    options.identity = sent_.identity;
    options.without_conditions = !keeps_client_conditions(kind);
    options.without_range = kind != FetchKind::range;
    if (kind == FetchKind::validation) {
      options.if_none_match = order_.held->upstream_entity_tag;
      options.if_modified_since = order_.held->upstream_last_modified;
    }
    std::string rest;
    if (kind == FetchKind::remainder) {
      rest = fmt::format("bytes={}-", *policy::rest_of(*order_.held));
      options.range = rest;
      options.if_range = order_.held->upstream_entity_tag;
    }
    options.without_directives =
        is_in_background_ || route_.client_directives == settings::ClientDirectives::ignore;
    sent_.client_conditions = !options.without_conditions && has_conditions();
    options.tags = order_.tags ? &*order_.tags : nullptr;
    const auto names = is_in_background_ ? upstream::new_names(settings_) : order_.names;
    const auto lines = names.lines();
    options.without_trace = is_in_background_ || names.began_trace;
    options.without_request_id = is_in_background_ || names.began_request_id;
    options.more = lines;
    std::string head;
    upstream::write_request(order_.request->head, options, head);
    when_.requested = deps_.loop.now();
    auto failed = co_await exchange(head, false);
    if (failed && call_->may_retry() && !total_.expired() && !is_unwanted_) {
      deps_.loop.counters().upstream_retries.add();
      begin_call();
      failed = co_await exchange(head, true);
    }
    when_.received = deps_.loop.now();
    if (failed && total_.expired()) failed = Failure{upstream::FailureKind::total_timeout, {}, {}};
    if (order_.counters != nullptr && !failed) {
      order_.counters->upstream.observe(when_.received.mono - when_.requested.mono);
      order_.counters->responded(call_->head().status);
    }
    co_return failed;
  }

  Task<std::optional<Failure>> exchange(const std::string& head, bool fresh) {
    if (auto failed = co_await call_->open(fresh)) co_return failed;
    // Without the wait for a connection, which is larder's.
    when_.requested = deps_.loop.now();
    if (order_.counters != nullptr) order_.counters->upstream_requests.add();
    if (auto failed = co_await call_->write(head)) co_return failed;
    call_->request_complete();
    for (;;) {
      if (auto failed = co_await call_->read_head(http::Method::get)) co_return failed;
      if (!call_->is_interim()) co_return std::nullopt;
      publisher_.fill().interim(store::make_interim_head(call_->head()));
    }
  }

  void fail(Failure failure) {
    if (is_unwanted_) return publisher_.look_again();
    publisher_.fail(std::move(failure), when_);
  }

  void cancel() noexcept {
    if (call_) call_->cancel();
  }

  // The clients that waited have left. A fetch goes on without them, as others may ask soon, but not for
  // longer than fill_timeout.
  void end_if_unwanted() {
    if (publisher_.fill().has_waiters()) return unwanted_.set(unwanted_interval);
    is_unwanted_ = true;
    cancel();
  }

  // The publisher's description of the response whose head has been read.
  [[nodiscard]] Publisher::Result result(Detail against) {
    const auto status = call_->head().status;
    return {std::move(call_), when_, sent_.identity, against, Detail::none, status, {}};
  }

  void publish(const std::shared_ptr<store::Response>& response, Publisher::Result about) {
    if (publisher_.publish(response, std::move(about))) order_.access_history.reset();
  }

  void renew() {
    auto renewal = renewed(*order_.held, call_->head(),
                           {facts_, route_, settings_.compression, when_, publisher_.fill().sequence()});
    auto about = result(renewal.against);
    about.for_requesting_client = std::move(renewal.for_requesting_client);
    publish(renewal.response, std::move(about));
  }

  // Whether the 206 contains what the held part lacks (RFC 9111 3.4).
  [[nodiscard]] bool brings_the_rest() {
    const auto& head = call_->head();
    const auto judged =
        policy::judge(facts_, route_, head.status, head.fields, {sent_.identity, true}, when_);
    const auto* meta = std::get_if<policy::StoredMeta>(&judged);
    if (meta == nullptr) return false;
    const auto both = policy::joined(*order_.held, *meta);
    return both && both->is_whole();
  }

  Task<void> receive() {
    total_.clear();
    const auto& head = call_->head();
    auto judged = policy::judge(facts_, route_, head.status, head.fields, sent_, when_);
    std::optional<policy::StoredMeta> shared_error;
    if (const auto* detail = std::get_if<Detail>(&judged)) {
      if (*detail == Detail::status)
        shared_error = policy::judge_shared_error(facts_, route_, head.status, head.fields, sent_, when_);
      if (!shared_error) co_return publisher_.hand_over({}, false, result(*detail));
    } else {
      // A response about this request alone does not replace one that is stored.
      if (order_.held && policy::is_about_the_request(head.status) &&
          !std::get<policy::StoredMeta>(judged).part)
        co_return publisher_.hand_over({}, false, result(Detail::status));
      if (would_hide_what_is_held(head.status))
        co_return publisher_.hand_over({}, false, result(Detail::stale_if_error));
    }
    auto& fill = publisher_.fill();
    const auto* fetched = shared_error ? nullptr : &std::get<policy::StoredMeta>(judged);
    auto* stream = fetched != nullptr && may_stream(*fetched) ? &fill : nullptr;
    CollectBounds bounds{share_, settings_.cache.max_body, settings_.upstream.fill_timeout, until_};
    auto collected = co_await collect(*call_, bounds, body_, stream);
    // A refresh without waiters cannot be handed over.
    if (collected.how == Collected::slow && is_in_background_ && !fill.has_waiters()) {
      bounds.silence = settings_.upstream.total_timeout;
      collected = co_await collect(*call_, bounds, body_, nullptr);
    }
    fill.end_stream();
    if (collected.how == Collected::failed) co_return fail(std::move(*collected.failure));
    if (collected.how != Collected::complete) {
      auto why = collected.how == Collected::slow      ? Detail::slow
                 : collected.how == Collected::no_room ? Detail::no_room
                                                       : Detail::body_too_large;
      if (shared_error) why = Detail::status;
      co_return publisher_.hand_over(std::move(body_), false, result(why), std::move(share_));
    }
    if (shared_error) co_return share_error(std::move(*shared_error), std::move(body_));
    auto& meta = std::get<policy::StoredMeta>(judged);
    if (meta.part && !policy::fit(*meta.part, body_.size()))
      co_return publisher_.hand_over(std::move(body_), true, result(Detail::partial_content),
                                     std::move(share_));
    const auto client = is_in_background_ ? http::Fields() : http::Fields(order_.request->head.fields);
    auto made = represent_fetched({head, std::move(body_), std::move(meta), when_, order_.held.get(), client},
                                  route_, *order_.plan, fill.sequence(), deps_.workspace);
    if (made.projected) deps_.loop.counters().projections.add();
    auto about = result(made.against);
    about.note = made.note;
    about.for_requesting_client = std::move(made.for_requesting_client);
    publish(made.response, std::move(about));
  }

  // The client's request may get the response while it arrives, because the bytes that are stored are the
  // same and nothing could take its place, and whether it gets a 304 or a part does not depend on the body.
  [[nodiscard]] bool may_stream(const policy::StoredMeta& fetched) const {
    const auto& head = call_->head();
    if (is_in_background_ || order_.held || head.status != 200 || facts_.method != http::Method::get)
      return false;
    if (route_.projects() || !route_.fields_param.empty() || facts_.range) return false;
    using Kind = http::Framing::Kind;
    if (head.framing.kind != Kind::chunked && head.framing.kind != Kind::until_close) return false;
    if (!has_conditions()) return true;
    return !fetched.upstream_entity_tag.empty() && !facts_.preconditions &&
           !policy::is_not_modified(facts_, fetched, fetched.upstream_entity_tag, when_.received.wall);
  }

  // An error is shared unchanged, without projection and entity tag.
  void share_error(policy::StoredMeta meta, std::string body) {
    const auto& head = call_->head();
    meta.sequence = publisher_.fill().sequence();
    std::string for_requesting_client;
    auto response = represent(std::move(meta), head.reason, head.fields, head.minor_version,
                              {route_, settings_.compression, when_.received.wall}, {},
                              std::make_shared<const std::string>(std::move(body)), &for_requesting_client);
    auto about = result(Detail::status);
    about.for_requesting_client = std::move(for_requesting_client);
    publisher_.share_error(std::move(response), std::move(about));
  }

  // With cache: standard an error may be stored, but it does not replace a response that stale-if-error still
  // allows.
  [[nodiscard]] bool would_hide_what_is_held(int status) const {
    if (!policy::is_error_status(status) || !order_.held || !order_.held->stale_if_error) return false;
    return !policy::is_error_status(order_.held->status) &&
           policy::may_serve_on_error({}, *order_.held, policy::Trouble::error_status, when_.received);
  }

  Resources deps_;
  Order order_;
  const settings::Settings& settings_;
  const settings::Route& route_;
  policy::RequestFacts facts_;
  Publisher publisher_;
  policy::UpstreamRequest sent_;
  policy::ExchangeTimes when_;
  const bool is_in_background_ = order_.background;  // at the start of the fetch
  const policy::MonoTime until_;
  std::string body_;
  BodyShare share_{deps_.cache.bodies(), settings_.bodies_in_flight()};
  Deadline total_;  // until a head has arrived
  Deadline unwanted_;
  bool is_unwanted_ = false;
  std::unique_ptr<upstream::Call> call_;
};

Task<void> lead(Resources resources, Permit permit, Order order) {
  Fetch fetch(resources, std::move(permit), std::move(order));
  co_await fetch.run();
}

}  // namespace

void begin_fetch(Resources resources, Permit permit, Order order) {
  permit.count(resources.loop.counters().fills_running);
  // An exception ends only this fill: the permit releases the waiters.
  spawn(resources.loop, "fetch", lead(resources, std::move(permit), std::move(order)));
}

}  // namespace larder::cache
