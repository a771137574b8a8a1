#include "fill/fetch.hpp"

#include "fill/represent.hpp"
#include "http/etag.hpp"
#include "lean/entity_tag.hpp"
#include "policy/precondition.hpp"
#include "policy/storability.hpp"
#include "upstream/request.hpp"

#include <boost/asio/co_spawn.hpp>

namespace larder::fill {

namespace {

using http::FieldId;
using policy::Detail;
using upstream::Failure;
using upstream::FailureKind;

constexpr std::size_t largest_reserve = 1u << 20;  // what a Content-Length alone makes larder set aside

// The right, and the duty, to settle a fill: given up on any path, it releases the waiters.
class Permit {
 public:
  Permit(std::shared_ptr<Fill> fill, FillTable& table, std::string fill_key, Counter& running)
      : fill_(std::move(fill)), table_(table), key_(std::move(fill_key)), running_(running) {
    running_.add(1);
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { settle(Failed{Failure{FailureKind::closed_early, {}, "the fetch was abandoned"}}); }

  void settle(Result result) {
    if (settled_) return;
    settled_ = true;
    running_.add(-1);
    table_.leave(key_, fill_);
    fill_->settle(std::move(result));
  }
  [[nodiscard]] Fill& fill() noexcept { return *fill_; }

 private:
  std::shared_ptr<Fill> fill_;
  FillTable& table_;
  std::string key_;
  Counter& running_;
  bool settled_ = false;
};

class Fetch {
 public:
  Fetch(Resources resources, std::shared_ptr<Fill> fill, Order order)
      : with_(resources),
        order_(std::move(order)),
        settings_(*order_.plan->settings),
        route_(*order_.route),
        permit_(std::move(fill), with_.fills, order_.fill_key, with_.loop.counters().fills_running),
        facts_(policy::facts_of(order_.request->head)) {}

  Task<void> run() {
    call_ = std::make_unique<upstream::Call>(with_.pool, settings_.gate);
    const bool validating = order_.held != nullptr && order_.held->has_validator();
    if (auto failed = co_await ask(validating)) co_return fail(std::move(*failed));
    if (validating && call_->head().status == 304) {
      if (renews()) co_return renew();
      // RFC 9111 4.3.4: a 304 about something else says nothing of what is held.
      call_ = std::make_unique<upstream::Call>(with_.pool, settings_.gate);
      if (auto failed = co_await ask(false)) co_return fail(std::move(*failed));
    }
    co_await receive();
  }

 private:
  [[nodiscard]] bool keeps_client_conditions(bool validating) const {
    return order_.alone && !validating && order_.held == nullptr && route_.fields.empty();
  }

  // Sends the request and reads heads until the final one; once more where a pooled connection had died.
  Task<std::optional<Failure>> ask(bool validating) {
    upstream::RequestOptions options;
    options.client_address = order_.client_address;
    options.fallback_authority = settings_.upstream.authority;
    options.as_get = true;
    options.with_body = false;
    options.with_expect = false;
    options.identity = !route_.fields.empty();
    options.without_conditions = !keeps_client_conditions(validating);
    if (validating) {
      options.if_none_match = order_.held->upstream_entity_tag;
      options.if_modified_since = order_.held->upstream_last_modified;
    }
    std::string head;
    upstream::write_request(order_.request->head, options, head);
    when_.requested = Loop::now();
    auto failed = co_await exchange(head, false);
    if (failed && call_->may_retry()) {
      with_.loop.counters().upstream_retries.add();
      call_ = std::make_unique<upstream::Call>(with_.pool, settings_.gate);
      failed = co_await exchange(head, true);
    }
    when_.received = Loop::now();
    co_return failed;
  }

  Task<std::optional<Failure>> exchange(const std::string& head, bool fresh) {
    if (auto failed = co_await call_->open(fresh)) co_return failed;
    if (auto failed = co_await call_->write(head)) co_return failed;
    call_->request_complete();
    for (;;) {
      if (auto failed = co_await call_->read_head(http::Method::get)) co_return failed;
      if (!call_->is_interim()) co_return std::nullopt;
      permit_.fill().interim(interim_head());
    }
  }

  [[nodiscard]] std::string interim_head() const {
    const auto& head = call_->head();
    std::string out = "HTTP/1.1 " + std::to_string(head.status) + " " + std::string(head.reason) + "\r\n";
    for (const auto& line : head.fields) {
      if (http::is_hop_by_hop(line)) continue;
      out.append(line.name).append(": ").append(line.value).append("\r\n");
    }
    return out += "\r\n";
  }

  void fail(Failure failure) {
    with_.loop.counters().upstream_errors.add();
    permit_.settle(Failed{std::move(failure)});
  }

  // RFC 9111 4.3.4: the 304 names the held response, or has nothing by which to tell.
  [[nodiscard]] bool renews() const {
    const auto* tag = http::find(call_->head().fields, FieldId::etag);
    if (tag == nullptr || order_.held->upstream_entity_tag.empty()) return true;
    const auto theirs = http::parse_entity_tag(tag->value);
    const auto ours = http::parse_entity_tag(order_.held->upstream_entity_tag);
    return theirs && ours && http::weak_match(*theirs, *ours);
  }

  void renew() {
    const auto& held = *order_.held;
    auto stored = fields_of(held);
    // What represent() added is added again: our Via, the last of them, and a Cache-Control in place of
    // upstream's.
    for (auto at = stored.rbegin(); at != stored.rend(); ++at) {
      if (at->id != FieldId::via) continue;
      stored.erase(std::next(at).base());
      break;
    }
    if (!held.replaced_cache_control.empty()) {
      std::erase_if(stored, [](const auto& line) { return line.id == FieldId::cache_control; });
      stored.push_back({FieldId::cache_control, "Cache-Control", held.replaced_cache_control});
    }
    const bool own_tag = held.entity_tag != held.upstream_entity_tag;
    const auto fields = policy::updated_fields(stored, call_->head().fields);
    auto judged = policy::judge(facts_, route_, held.status, fields, !route_.fields.empty(), when_);
    const auto* detail = std::get_if<Detail>(&judged);
    policy::StoredMeta meta = detail != nullptr ? static_cast<const policy::StoredMeta&>(held)
                                                : std::get<policy::StoredMeta>(judged);
    const auto* tag = http::find(call_->head().fields, FieldId::etag);
    meta.upstream_entity_tag = tag != nullptr ? std::string(tag->value) : held.upstream_entity_tag;
    Change change;
    change.changed = own_tag && !route_.fields.empty();
    if (own_tag) change.entity_tag = held.entity_tag;
    const auto first_line = std::string_view(held.head).substr(0, held.head.find("\r\n"));
    const auto reason = first_line.size() > 13 ? first_line.substr(13) : std::string_view();
    publish(std::move(meta), reason, fields, change, held.body, detail != nullptr ? *detail : Detail::none,
            304);
  }

  Task<void> receive() {
    const auto& head = call_->head();
    auto judged = policy::judge(facts_, route_, head.status, head.fields, !route_.fields.empty(), when_);
    if (const auto* detail = std::get_if<Detail>(&judged)) co_return unshare(*detail, {}, false);
    const auto most = settings_.cache.max_body;
    const auto& framing = head.framing;
    if (framing.kind == http::Framing::Kind::length && framing.length > most) {
      co_return unshare(Detail::body_too_large, {}, false);
    }
    std::string body;
    if (framing.kind == http::Framing::Kind::length) {
      body.reserve(std::min<std::size_t>(static_cast<std::size_t>(framing.length), largest_reserve));
    }
    for (;;) {
      auto piece = co_await call_->read_body();
      if (piece.failure) co_return fail(std::move(*piece.failure));
      body.append(piece.data);
      if (body.size() > most) co_return unshare(Detail::body_too_large, std::move(body), piece.end);
      if (piece.end) break;
    }
    body.shrink_to_fit();
    represent_and_publish(std::move(std::get<policy::StoredMeta>(judged)), std::move(body));
  }

  void represent_and_publish(policy::StoredMeta meta, std::string body) {
    const auto& head = call_->head();
    auto detail = Detail::none;
    Change change;
    if (const auto* rule = meta.status == 200 ? order_.plan->rule_of(route_) : nullptr) {
      std::string projected;
      detail = project(*rule, body, projected);
      if (detail == Detail::none) {
        change.changed = true;
        body = std::move(projected);
      }
    }
    if (meta.status == 200) {
      const bool has_tag = http::parse_entity_tag(meta.upstream_entity_tag).has_value();
      if (change.changed || !has_tag) change.entity_tag = lean::make_entity_tag(body);
      if (!has_tag) meta.upstream_entity_tag.clear();
    }
    publish(std::move(meta), head.reason, head.fields, change,
            std::make_shared<const std::string>(std::move(body)), detail, head.status);
  }

  // Why the body cannot be projected; Detail::none and `out` where it was.
  Detail project(const lean::ProjectionRule& rule, std::string_view body, std::string& out) {
    const auto& fields = call_->head().fields;
    const auto* type = http::find(fields, FieldId::content_type);
    if (type == nullptr || !lean::is_json_type(type->value)) return Detail::not_json;
    if (http::find(fields, FieldId::content_encoding) != nullptr) return Detail::not_projectable;
    if (http::parse_response_cache_control(fields).no_transform)
      return Detail::not_projectable;  // RFC 9111 5.2.2.6
    const auto error = lean::project(body, rule, {}, with_.workspace, out);
    if (!error) {
      with_.loop.counters().projections.add();
      return Detail::none;
    }
    return *error == lean::ProjectionError::not_json ? Detail::not_json : Detail::not_projectable;
  }

  void publish(policy::StoredMeta meta, std::string_view reason, http::Fields fields, const Change& change,
               std::shared_ptr<const std::string> body, Detail detail, int upstream_status) {
    auto& fill = permit_.fill();
    meta.began = fill.began();
    const bool shareable = meta.fresh_until > meta.response_time && !meta.must_validate;
    auto response = represent(std::move(meta), reason, fields, call_->head().minor_version, route_, change,
                              std::move(body), when_.received.wall);
    Answered answer{response, false, shareable, detail, upstream_status};
    // Design, invariant 5.
    if (detail == Detail::none && with_.writes.is_void(fill.began(), fill.path_hash(), fill.route_hash())) {
      answer.detail = Detail::superseded;
    }
    if (answer.detail == Detail::none) {
      answer.stored = with_.store.put(order_.key, order_.hash, std::move(response));
      if (!answer.stored) answer.detail = Detail::body_too_large;
    }
    if (shareable)
      with_.fills.forget_unshared(order_.key);
    else
      remember_unshared();
    if (answer.detail != Detail::none)
      with_.loop.counters().not_stored[static_cast<std::size_t>(answer.detail)].add();
    call_.reset();
    permit_.settle(std::move(answer));
  }

  void unshare(Detail detail, std::string prefix, bool complete) {
    with_.loop.counters().not_stored[static_cast<std::size_t>(detail)].add();
    remember_unshared();
    const auto status = call_->head().status;
    permit_.fill().offer(Handover{std::move(call_), std::move(prefix), complete});
    permit_.settle(Unshared{detail, status});
  }

  void remember_unshared() {
    with_.fills.remember_unshared(order_.key, when_.received.mono + settings_.cache.uncacheable_memory);
  }

  Resources with_;
  Order order_;
  const settings::Settings& settings_;
  const settings::Route& route_;
  Permit permit_;
  policy::RequestFacts facts_;
  policy::Exchanged when_;
  std::unique_ptr<upstream::Call> call_;
};

Task<void> lead(Resources resources, std::shared_ptr<Fill> fill, Order order) {
  Fetch fetch(resources, std::move(fill), std::move(order));
  co_await fetch.run();
}

}  // namespace

OwnedRequest::OwnedRequest(std::string_view head_bytes, const http::Limits& limits) : bytes(head_bytes) {
  (void)http::read_request(bytes, limits, head);
}

void begin_fetch(Resources resources, std::shared_ptr<Fill> fill, Order order) {
  // An exception (out of memory, above all) ends this fill alone: the Permit has released the readers.
  asio::co_spawn(resources.loop.executor(), lead(resources, std::move(fill), std::move(order)),
                 [&counter = resources.loop.counters().upstream_errors](const std::exception_ptr& error) {
                   if (error) counter.add();
                 });
}

}  // namespace larder::fill
