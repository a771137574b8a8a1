#include "cache/fetch.hpp"

#include "cache/refresh_scheduler.hpp"
#include "cache/renew.hpp"
#include "cache/represent.hpp"
#include "coding/codec.hpp"
#include "http/coding.hpp"
#include "http/etag.hpp"
#include "http/interim.hpp"
#include "net/spawn.hpp"
#include "policy/key.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "policy/storability.hpp"
#include "projection/entity_tag.hpp"
#include "upstream/request.hpp"

#include <fmt/format.h>

namespace larder::cache {

namespace {

using http::FieldId;
using policy::Detail;
using upstream::Failure;
using upstream::FailureKind;

constexpr std::size_t largest_reserve = 1u << 20;  // what a Content-Length alone makes larder set aside

class Fetch {
 public:
  Fetch(Resources resources, Permit permit, Order order)
      : deps_(resources),
        order_(std::move(order)),
        settings_(*order_.plan->settings),
        route_(*order_.route),
        permit_(std::move(permit)),
        pending_(deps_.store, order_.hash, permit_.fill().sequence()),
        facts_(policy::facts_of(order_.request->head, {settings_, deps_.key_hash, order_.request->arrival})),
        sent_{route_.projects(), false, false} {
    policy::obey_directives(route_, facts_);
    // A refresh is nobody's: what the request that it repeats asked for beyond the URL does not count.
    if (order_.background) facts_.directives = {};
    if (order_.access_history) order_.access_history->begin_refresh_lease(policy::MonoTime::max());
    if (!order_.background) return;
    deps_.loop.counters().refreshes.add();
    permit_.fill().set_background(deps_.loop, [this] {
      order_.background = false;
      if (call_) call_->promote();
    });
  }
  ~Fetch() {
    if (order_.access_history) order_.access_history->end_refresh_lease();
    if (is_in_background_) permit_.fill().set_background(deps_.loop, nullptr);
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  Task<void> run() {
    begin_call();
    const auto& held = order_.held;
    auto kind = FetchKind::plain;
    if (order_.part)
      kind = FetchKind::range;
    else if (held && !held->part && held->has_validator())
      kind = FetchKind::validation;
    else if (held && policy::rest_of(*held))
      kind = FetchKind::remainder;
    if (auto failed = co_await ask(kind)) co_return fail(std::move(*failed));
    if (kind == FetchKind::validation && call_->head().status == 304) {
      // RFC 9111 4.3.4: by a date alone, a 304 that names a tag may be of another representation of the same
      // second.
      if (!held->upstream_entity_tag.empty() || names_held(*held, call_->head().fields)) co_return renew();
      kind = FetchKind::plain;
      begin_call();
      if (auto failed = co_await ask(kind)) co_return fail(std::move(*failed));
    }
    if (kind == FetchKind::remainder && call_->head().status == 206 && !brings_the_rest()) {
      kind = FetchKind::plain;
      begin_call();
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
    call_->set_target(order_.request->head.path);
  }

  [[nodiscard]] bool keeps_client_conditions(FetchKind kind) const {
    return order_.uncollapsed && kind == FetchKind::plain && order_.held == nullptr && !route_.projects();
  }

  [[nodiscard]] bool has_conditions() const {
    return facts_.if_none_match != nullptr || facts_.preconditions ||
           http::find(facts_.fields, FieldId::if_modified_since) != nullptr;
  }

  // Sends the request and reads heads until the final one; once more where a pooled connection had died.
  Task<std::optional<Failure>> ask(FetchKind kind) {
    // What the key was made from, in the key's spelling, so that no other one can fill its entry.
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
    when_.requested = Loop::now();
    auto failed = co_await exchange(head, false);
    if (failed && call_->may_retry()) {
      deps_.loop.counters().upstream_retries.add();
      begin_call();
      failed = co_await exchange(head, true);
    }
    when_.received = Loop::now();
    if (order_.counters != nullptr) {
      order_.counters->upstream_requests.add();
      if (!failed) order_.counters->upstream.observe(when_.received.mono - when_.requested.mono);
    }
    co_return failed;
  }

  Task<std::optional<Failure>> exchange(const std::string& head, bool fresh) {
    if (auto failed = co_await call_->open(fresh)) co_return failed;
    if (auto failed = co_await call_->write(head)) co_return failed;
    call_->request_complete();
    for (;;) {
      if (auto failed = co_await call_->read_head(http::Method::get)) co_return failed;
      if (!call_->is_interim()) co_return std::nullopt;
      std::string interim;
      http::write_interim(call_->head(), interim);
      permit_.fill().interim(std::move(interim));
    }
  }

  void fail(Failure failure) {
    deps_.loop.counters().upstream_errors.add();
    if (order_.counters != nullptr) order_.counters->upstream_errors.add();
    deps_.fills.failed(
        order_.key.text(),
        failure.is_disconnection() ? policy::Trouble::disconnected : policy::Trouble::error_status,
        Loop::now().mono);
    permit_.settle(Failed{std::move(failure), took()});
  }

  void renew() {
    auto renewal = renewed(*order_.held, call_->head(),
                           {facts_, route_, settings_.compression, when_, permit_.fill().sequence()});
    for_requesting_client_ = std::move(renewal.for_requesting_client);
    publish(std::move(renewal.response), renewal.against, 304);
  }

  // Whether the 206 has what the held part lacks (RFC 9111 3.4).
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
    const auto& head = call_->head();
    auto judged = policy::judge(facts_, route_, head.status, head.fields, sent_, when_);
    if (const auto* detail = std::get_if<Detail>(&judged)) {
      auto error = *detail == Detail::status
                       ? policy::judge_shared_error(facts_, route_, head.status, head.fields, sent_, when_)
                       : std::nullopt;
      if (error) co_return co_await share_error(std::move(*error));
      co_return unshare(*detail, {}, false);
    }
    // What speaks of this request alone does not take the place of a response that is stored.
    if (order_.held && policy::is_about_the_request(head.status) &&
        !std::get<policy::StoredMeta>(judged).part)
      co_return unshare(Detail::status, {}, false);
    if (would_hide_what_is_held(head.status)) co_return unshare(Detail::stale_if_error, {}, false);
    std::string body;
    bool complete = false;
    if (auto failed = co_await read_whole(body, complete)) co_return fail(std::move(*failed));
    if (body.size() > settings_.cache.max_body || !complete)
      co_return unshare(Detail::body_too_large, std::move(body), complete);
    body.shrink_to_fit();
    auto& meta = std::get<policy::StoredMeta>(judged);
    if (meta.part && !policy::fit(*meta.part, body.size())) {
      co_return unshare(Detail::partial_content, std::move(body), true);
    }
    represent_and_publish(std::move(meta), std::move(body));
  }

  // Reads the body; up to a little more than cache.max_body, and then it is not complete.
  Task<std::optional<Failure>> read_whole(std::string& body, bool& complete) {
    const auto& framing = call_->head().framing;
    const auto most = settings_.cache.max_body;
    complete = false;
    if (framing.kind == http::Framing::Kind::length) {
      if (framing.length > most) co_return std::nullopt;
      body.reserve(std::min<std::size_t>(static_cast<std::size_t>(framing.length), largest_reserve));
    }
    while (!complete && body.size() <= most) {
      auto piece = co_await call_->read_body();
      if (piece.failure) co_return std::move(piece.failure);
      body.append(piece.data);
      complete = piece.end;
    }
    co_return std::nullopt;
  }

  // A 5xx that is not stored: all who wait for it get it, as they would get a failure.
  Task<void> share_error(policy::StoredMeta meta) {
    std::string body;
    bool complete = false;
    if (auto failed = co_await read_whole(body, complete)) co_return fail(std::move(*failed));
    if (body.size() > settings_.cache.max_body || !complete)
      co_return unshare(Detail::status, std::move(body), complete);
    const auto& head = call_->head();
    meta.sequence = permit_.fill().sequence();
    const auto status = head.status;
    Completed answer;
    answer.response =
        represent(std::move(meta), head.reason, head.fields, head.minor_version,
                  {route_, settings_.compression, when_.received.wall}, {},
                  std::make_shared<const std::string>(std::move(body)), &for_requesting_client_);
    answer.detail = Detail::status;
    answer.upstream_status = status;
    answer.for_requesting_client = std::move(for_requesting_client_);
    note_not_stored(Detail::status);
    remember_unshared(Detail::status, false);
    note_result(status);
    supersede(Detail::status, status);
    call_.reset();
    answer.took = took();
    permit_.settle(std::move(answer));
  }

  // By the book an error may be stored; not in the place of an answer that is still served while upstream
  // fails.
  [[nodiscard]] bool would_hide_what_is_held(int status) const {
    if (!policy::is_error_status(status) || !order_.held || !order_.held->stale_if_error) return false;
    return !policy::is_error_status(order_.held->status) &&
           policy::may_serve_on_error({}, *order_.held, policy::Trouble::error_status, when_.received);
  }

  void represent_and_publish(policy::StoredMeta meta, std::string body) {
    const auto& head = call_->head();
    auto detail = Detail::none;
    Change change;
    change.of_part = meta.part.has_value();
    std::vector<http::Field> fields = head.fields;
    std::string_view reason = head.reason;
    if (meta.part && order_.held) {
      if (const auto both = policy::joined(*order_.held, meta)) {
        body = join(*order_.held, *both, meta, body);
        fields = policy::updated_fields(upstream_fields(*order_.held), head.fields);
        meta.part = both;
        if (both->is_whole()) {
          meta.part.reset();
          meta.status = 200;
          reason = "OK";
        }
      }
    }
    if (const auto* rule = meta.status == 200 ? order_.plan->rule_of(route_) : nullptr) {
      std::string projected;
      detail = project(*rule, body, projected);
      if (detail == Detail::none) {
        change.changed = true;
        change.original_size = body.size();
        body = std::move(projected);
      }
    }
    if (meta.status == 200) {
      const bool has_tag = http::parse_entity_tag(meta.upstream_entity_tag).has_value();
      const auto* compared = detail == Detail::none ? order_.plan->compared_of(route_) : nullptr;
      if (compared != nullptr) change.entity_tag = tag_ignoring(*compared, body);
      if (change.entity_tag.empty() && (change.changed || !has_tag))
        change.entity_tag = projection::make_entity_tag(body);
      if (!has_tag) meta.upstream_entity_tag.clear();
    }
    meta.sequence = permit_.fill().sequence();
    const auto upstream_status = head.status;
    publish(represent(std::move(meta), reason, fields, head.minor_version,
                      {route_, settings_.compression, when_.received.wall}, change,
                      std::make_shared<const std::string>(std::move(body)), &for_requesting_client_),
            detail, upstream_status);
  }

  // The bytes of both parts (RFC 9111 3.4); where they overlap they are the same.
  static std::string join(const store::Response& held, const policy::Part& both,
                          const policy::StoredMeta& fresh, std::string_view body) {
    std::string bytes(static_cast<std::size_t>(both.last - both.first + 1), '\0');
    bytes.replace(static_cast<std::size_t>(held.part->first - both.first), held.body->size(), *held.body);
    bytes.replace(static_cast<std::size_t>(fresh.part->first - both.first), body.size(), body);
    return bytes;
  }

  // The entity tag by the members that count; empty where the body is no JSON.
  std::string tag_ignoring(const projection::ProjectionRule& compared, std::string_view body) {
    const auto* type = http::find(call_->head().fields, FieldId::content_type);
    if (type == nullptr || !projection::is_json_type(type->value)) return {};
    std::string left;
    if (projection::project(body, compared, projection_limits(settings_), deps_.workspace, left)) return {};
    return projection::make_weak_entity_tag(left);
  }

  // Why the body cannot be projected; Detail::none and `out` where it was.
  Detail project(const projection::ProjectionRule& rule, std::string_view body, std::string& out) {
    const auto& fields = call_->head().fields;
    const auto* type = http::find(fields, FieldId::content_type);
    if (type == nullptr || !projection::is_json_type(type->value)) return Detail::not_json;
    if (http::forbids_transformation(fields)) return Detail::not_projectable;
    std::string decoded;
    if (http::is_coded(fields)) {
      // Identity was asked for; some send a coding all the same.
      const auto coding = http::only_coding(fields);
      if (!coding) return Detail::not_projectable;
      auto result = coding::decode(*coding, body, settings_.cache.max_body);
      if (result.error) return Detail::not_projectable;
      decoded = std::move(result.bytes);
      body = decoded;
    }
    const auto error = projection::project(body, rule, projection_limits(settings_), deps_.workspace, out);
    if (!error) {
      deps_.loop.counters().projections.add();
      return Detail::none;
    }
    return *error == projection::ProjectionError::not_json ? Detail::not_json : Detail::not_projectable;
  }

  void publish(std::shared_ptr<store::Response> response, Detail detail, int upstream_status) {
    auto& fill = permit_.fill();
    // Identity was asked for, whatever the others accept: in a coding it is the asker's alone.
    const bool coded = detail != Detail::none && http::is_coded(call_->head().fields);
    const bool judged_unstorable =
        detail != Detail::none && detail != Detail::not_json && detail != Detail::not_projectable;
    const bool shareable = response->fresh_until > response->response_time && !response->must_validate &&
                           !coded && !judged_unstorable;
    Completed answer{response, false, shareable, detail, upstream_status, std::move(for_requesting_client_)};
    deps_.fills.succeeded(order_.key.text());
    response->group_hashes = group_hashes(deps_.store, order_.key.view().origin(), response->groups);
    response->access_history =
        deps_.refresh_scheduler.access_history_of(route_, order_.key.text(), response->secondary);
    // Design, invariant 5.
    if (detail == Detail::none &&
        deps_.invalidations.is_invalidated(fill.sequence(), fill.path_hash(), fill.route_hash(),
                                           response->group_hashes)) {
      answer.detail = Detail::superseded;
    }
    if (answer.detail == Detail::none && !(response->part && whole_is_stored(*response))) {
      const auto put = deps_.store.put(order_.key.text(), order_.hash, response, &facts_, &pending_);
      answer.stored = put == store::Store::Put::stored;
      if (put == store::Store::Put::too_large) answer.detail = Detail::body_too_large;
      if (put == store::Store::Put::outdated) answer.detail = Detail::superseded;
    }
    if (answer.stored && response->access_history) {
      deps_.refresh_scheduler.fetched({order_, *response, when_.requested.mono, Loop::now().mono},
                                      settings_.cache.kept_warm);
      order_.access_history.reset();  // what it covers is the next refresh's
    }
    if (shareable && answer.detail == Detail::none)
      deps_.fills.forget_unshared(memory_key());
    else
      remember_unshared(answer.detail, !shareable);
    if (answer.detail != Detail::none) note_not_stored(answer.detail);
    // A validation's 304 is judged as the 200 that it stands for.
    supersede(answer.detail, response->status);
    call_.reset();
    answer.took = took();
    permit_.settle(std::move(answer));
  }

  // A part does not take the place of a whole that came meanwhile.
  [[nodiscard]] bool whole_is_stored(const store::Response& part) {
    const auto entry = deps_.store.find(order_.key.text(), order_.hash);
    if (!entry) return false;
    return std::any_of(entry->variants.begin(), entry->variants.end(), [&](const auto& other) {
      return !other->part && other->is_fresh(when_.received.mono) &&
             policy::matches(other->secondary, facts_) && other->sequence >= part.sequence;
    });
  }

  [[nodiscard]] Millis took() const { return when_.received.mono - when_.requested.mono; }

  void note_not_stored(Detail why) {
    if (order_.counters != nullptr) order_.counters->not_stored[static_cast<std::size_t>(why)].add();
  }

  void unshare(Detail detail, std::string prefix, bool complete) {
    note_not_stored(detail);
    remember_unshared(detail, true);
    const auto status = call_->head().status;
    note_result(status);
    supersede(detail, status);
    permit_.fill().offer(Handover{std::move(call_), std::move(prefix), complete});
    permit_.settle(Unshareable{detail, status, took()});
  }

  [[nodiscard]] const std::string& memory_key() const noexcept {
    return order_.memory_key.empty() ? order_.key.text() : order_.memory_key;
  }

  void note_result(int status) {
    if (policy::is_error_status(status))
      deps_.fills.failed(order_.key.text(), policy::Trouble::error_status, Loop::now().mono);
    else
      deps_.fills.succeeded(order_.key.text());
  }

  // Design, invariant 6: what is not stored still ends the life of what is, unless the reason lies in this
  // request, or a write has come between, which has done so already.
  void supersede(Detail detail, int status) {
    switch (detail) {
      case Detail::none:
      case Detail::stale_if_error:
      case Detail::superseded:
      case Detail::request_no_store:
      case Detail::request_conditions:
      case Detail::authorization:
        return;
      default:
        break;
    }
    if (!policy::supersedes(status, facts_)) return;
    const auto secondary = policy::secondary_key(facts_, call_->head().fields, route_, sent_.identity);
    deps_.store.supersede(order_.key.text(), order_.hash, facts_, permit_.fill().sequence(), secondary);
  }

  void remember_unshared(Detail detail, bool for_the_next) {
    // A reason that lies in this request says nothing of the next one.
    if (detail == Detail::request_no_store || detail == Detail::request_conditions) return;
    const auto when = when_.received.mono;
    const auto until = for_the_next ? when + settings_.cache.uncacheable_memory : when;
    deps_.fills.remember_unshared(memory_key(), {detail, when, until});
  }

  Resources deps_;
  Order order_;
  const settings::Settings& settings_;
  const settings::Route& route_;
  Permit permit_;
  const store::Store::Pending pending_;
  policy::RequestFacts facts_;
  policy::UpstreamRequest sent_;
  policy::ExchangeTimes when_;
  std::string for_requesting_client_;
  const bool is_in_background_ = order_.background;  // as it began
  std::unique_ptr<upstream::Call> call_;
};

Task<void> lead(Resources resources, Permit permit, Order order) {
  Fetch fetch(resources, std::move(permit), std::move(order));
  co_await fetch.run();
}

}  // namespace

OwnedRequest::OwnedRequest(std::string_view head_bytes, const settings::Settings& settings,
                           const policy::Arrival& came)
    : bytes(head_bytes), peer(came.peer), arrival(came) {
  arrival.peer = peer;
  (void)http::read_request(bytes, settings.gate, head);
  if (!arrival.trusted) (void)policy::remove_forwarded(head, settings.request_fields);
}

void begin_fetch(Resources resources, Permit permit, Order order) {
  permit.count(resources.loop.counters().fills_running);
  // An exception ends this fill alone: the permit releases the readers.
  spawn(resources.loop, "fetch", lead(resources, std::move(permit), std::move(order)));
}

}  // namespace larder::cache
