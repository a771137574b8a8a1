// Exchange: what streams through larder without being stored.

#include "http/max_forwards.hpp"
#include "http/text.hpp"
#include "policy/invalidation.hpp"
#include "server/exchange.hpp"
#include "server/tunnel.hpp"
#include "server/upload.hpp"
#include "server/watch.hpp"
#include "store/interim.hpp"
#include "upstream/request.hpp"

#include <algorithm>

namespace larder::server {

using http::Framing;
using policy::Outcome;
using upstream::Failure;

namespace {

constexpr Millis read_ahead_time{1000};  // for the beginning of a request's body

// RFC 9110 7.8: upstream may switch to a protocol that was sent to it, and to no other.
bool is_allowed(const std::string& sent, const http::ResponseHead& response) {
  const http::Field upgrade{http::FieldId::upgrade, "Upgrade", sent};
  std::size_t named = 0;
  for (const auto& line : response.fields) {
    if (line.id != http::FieldId::upgrade) continue;
    if (!http::list_has({&upgrade, 1}, http::FieldId::upgrade, line.value)) return false;
    ++named;
  }
  return named == 1;
}

}  // namespace

// A write whose request may have reached the API, and of which it is not known whether it was applied. It
// counts as one that may have been, however this ends: by a failed second attempt or by an exception.
class Exchange::InDoubt {
 public:
  explicit InDoubt(Exchange& exchange) : exchange_(exchange) {}
  InDoubt(const InDoubt&) = delete;
  InDoubt& operator=(const InDoubt&) = delete;
  ~InDoubt() { lost(); }

  void sent() noexcept { sent_ = true; }
  /// No answer will come. Before the client is told so.
  void lost() noexcept {
    if (std::exchange(sent_, false)) exchange_.note_lost_write();
  }
  void answered(const http::ResponseHead& answer) {
    exchange_.note_write(&answer);
    sent_ = false;
  }

 private:
  Exchange& exchange_;
  bool sent_ = false;
};

Task<void> Exchange::pass(Outcome outcome) {
  const auto& request = head();
  const auto& rules = settings();
  if (request.framing.kind == Framing::Kind::length && request.framing.length > rules.limits.body) {
    co_return co_await refuse_body(http::Refusal::body_too_large);
  }
  const auto upgrade =
      facts_.upgrade ? policy::allowed_upgrade(request.fields, rules.upgrade) : std::string();
  tags_ = tag_translation();
  upstream::RequestOptions options;
  options.arrival = arrival_;
  options.host = policy::authority_of(request, rules);
  options.upgrade = upgrade;
  options.tags = tags_ ? &*tags_ : nullptr;
  // What larder alone understands is not sent on, on requests that bypass the cache either.
  std::string target;
  if (names_fields_param()) {
    const auto query = policy::query_without(request.query, route_->fields_param);
    target = std::string(request.path) + (query.empty() ? "" : "?") + query;
    options.target = target;
  }
  options.without_directives =
      route_ != nullptr && route_->client_directives == settings::ClientDirectives::ignore;
  options.identity = route_ != nullptr && !route_->fields.empty() && facts_.method == http::Method::head;
  const auto lines = names_.lines();
  options.without_trace = names_.began_trace;
  options.without_request_id = names_.began_request_id;
  options.more = lines;
  // The API decides whether it wants a large body; a small one costs less than the question.
  const bool is_small =
      request.framing.kind == Framing::Kind::length && request.framing.length <= rules.limits.request_buffer;
  const bool waits_for_100 = request.expect_continue && !is_small;
  options.with_expect = waits_for_100;
  if (request.expect_continue && is_small) {
    const store::MadeHead go_on{"HTTP/1.1 100 Continue\r\n", {}};
    if (!co_await stream_.send_interim(go_on)) co_return;
  }
  std::string out;
  upstream::write_request(request, options, out);

  RequestBody body(stream_, cache().bodies(), rules.bodies_in_flight());
  if (facts_.body && !waits_for_100) co_await body.read_ahead(rules.limits.request_buffer, read_ahead_time);
  if (const auto* broken = body.broken()) {
    if (broken->state == Stream::Piece::State::refused) co_return co_await refuse_body(broken->refusal);
    co_return record(client_has_gone, 0, outcome);
  }
  const auto priority =
      facts_.body && !body.is_complete() ? upstream::Priority::upload : upstream::Priority::foreground;
  const auto sequence = cache().next_sequence();
  auto& counters = *view_.counters;
  InDoubt write(*this);
  for (bool again = false;; again = true) {
    upstream::Call call(worker_.pool, rules.gate, priority);
    call.set_path(request.path);
    Watch watch(worker_.loop, stream_, [&call] { call.cancel(); });
    Upload upload(stream_, body, call, request.framing,
                  {rules.limits.body, rules.timeouts.body, rules.limits.body_rate});

    // False: to be tried once more.
    const auto attempt = [&]() -> Task<bool> {
      auto failed = co_await call.open(again);
      const bool opened = !failed;
      const auto requested = worker_.loop.now().mono;  // without the wait for a connection, which is larder's
      if (opened) {
        write.sent();
        counters.upstream_requests.add();
      }
      if (!failed) failed = co_await call.write(out);
      if (!failed) {
        if (facts_.body)
          upload.start();
        else
          call.request_complete();
        // A write continues without its client, as it may be half done.
        if (!facts_.body && facts_.safe) watch.start(rules.upstream.fill_timeout);
        failed = co_await read_final_head(call);
        co_await watch.stop();
      }
      if (!failed) {
        counters.responded(call.head().status);
        const auto answered = worker_.loop.now().mono;
        counters.upstream.observe(answered - requested);
        upstream_time_ = answered - requested;
        counters.waits.observe(answered - started_);
        write.answered(call.head());
        note_head(call.head(), sequence);
        note_final(call.head(), sequence);
        keep(call.head());
        if (call.head().status == 101) {
          co_await upload.stop();
          if (!is_allowed(upgrade, call.head())) {
            const Failure unasked{upstream::FailureKind::bad_answer,
                                  {},
                                  "it changes to a protocol that the client did not name"};
            unasked.count(worker_.loop.counters(), &counters);
            co_await fail(unasked, outcome);
            co_return true;
          }
          co_await tunnel(call, outcome);
          co_return true;
        }
        // The response may come before the request's body has been read whole.
        co_await relay(call, nullptr, outcome, !facts_.body);
        co_await upload.stop();
        co_return true;
      }

      const auto uploaded = upload.state();
      co_await upload.stop();
      if (watch.client_has_gone()) {
        record(client_has_gone, 0, outcome);
        co_return true;
      }
      const bool replayable = !again && !facts_.body && facts_.idempotent && call.may_retry();
      if (replayable) {
        worker_.loop.counters().upstream_retries.add();
        co_return false;
      }
      write.lost();
      if (uploaded == Upload::State::client_gone) co_return true;
      if (uploaded == Upload::State::refused) {
        co_await refuse_body(upload.refusal());
      } else if (uploaded == Upload::State::client_late) {
        const Problem late{408,
                           "the request's body stopped for longer than timeouts.body, or came more slowly "
                           "than limits.body_rate",
                           {}};
        const auto refusal = refused();
        co_await problem(late, refusal);
      } else {
        failed->count(worker_.loop.counters(), &counters);
        co_await fail(*failed, outcome);
      }
      co_return true;
    };
    const auto stop = [&]() -> Task<void> {
      co_await watch.stop();
      co_await upload.stop();
    };
    if (co_await beside(attempt, stop)) co_return;
  }
}

// RFC 9110 7.6.2: forwarded often enough. There is no Allow: which methods the resource has, only the API
// could say.
Task<void> Exchange::answer_finally() {
  Outcome outcome;
  outcome.detail = policy::Detail::max_forwards;
  const bool traced = facts_.method == http::Method::trace;
  std::string body;
  if (traced) http::write_trace(head(), body);
  const auto own = make_final_answer(traced ? "message/http" : "", std::move(body));
  record(own.status, own.body.size(), outcome);
  (void)co_await stream_.send(own.reply(&outcome, false));
}

Task<void> Exchange::refuse_body(http::Refusal reason) {
  worker_.loop.counters().refused_requests[static_cast<std::size_t>(reason)].add();
  const Problem answer{http::status_of(reason), std::string(http::describe(reason)), {}};
  const auto outcome = refused();
  co_await problem(answer, outcome);
}

Task<std::optional<Failure>> Exchange::read_final_head(upstream::Call& call) {
  for (;;) {
    if (auto failed = co_await call.read_head(facts_.method, facts_.upgrade)) co_return failed;
    if (!call.is_interim()) co_return std::nullopt;
    const auto interim = store::make_interim_head(call.head());
    if (!co_await stream_.send_interim(interim))
      co_return Failure{upstream::FailureKind::closed_early, {}, "the client has gone"};
  }
}

Task<void> Exchange::tunnel(upstream::Call& call, Outcome outcome) {
  std::string from_api(call.buffered());
  record(101, 0, outcome);
  std::string from_client;
  auto* client = co_await stream_.switch_protocols(call.head(), from_client);
  if (client == nullptr) co_return;
  auto connection = call.take_connection();
  Tunnel between(worker_.loop, *client, connection->transport(), settings().timeouts.tunnel);
  co_await between.run(std::move(from_client), std::move(from_api));
}

}  // namespace larder::server
