// Exchange: what streams through larder without being stored.

#include "http/interim.hpp"
#include "http/max_forwards.hpp"
#include "http/text.hpp"
#include "net/child_task.hpp"
#include "policy/invalidation.hpp"
#include "server/exchange.hpp"
#include "server/tunnel.hpp"
#include "server/upload.hpp"
#include "upstream/request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace larder::server {

using http::Framing;
using policy::Outcome;
using upstream::Failure;

namespace {

constexpr int client_has_gone = 499;  // in the access log alone: nobody was there to answer

// How the body of a forwarded answer is framed towards the client (RFC 9112 6.1, 6.3).
Framing framing_for(const http::ResponseHead& answer, bool answers_head, Persistence& persistence) {
  if (answers_head || answer.framing.kind == Framing::Kind::none) return {};
  if (answer.framing.kind == Framing::Kind::length) return answer.framing;
  if (persistence.minor_version == 1) return {Framing::Kind::chunked, 0};
  persistence.keep_alive = false;
  return {Framing::Kind::until_close, 0};
}

// Ends a call once its client has gone: an answer that is slow to come, or an event stream that is silent,
// would else hold its connection for nobody. A request behind this one hides the end; deadlines bound that.
class Watch {
 public:
  Watch(Client& client, upstream::Call& call) : client_(client), call_(call), companion_(client.loop()) {}

  void start() { companion_.start("watch of a client", run()); }
  /// To be awaited before the call or the client goes away.
  [[nodiscard]] Task<void> stop() {
    if (companion_.is_running()) client_.cancel();
    co_await companion_.join();
  }
  [[nodiscard]] bool client_has_gone() const noexcept { return gone_; }

 private:
  Task<void> run() {
    const auto error = co_await client_.readable();
    if (error || !client_.has_ended()) co_return;
    gone_ = true;
    call_.cancel();
  }

  Client& client_;
  upstream::Call& call_;
  ChildTask companion_;
  bool gone_ = false;
};

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

Task<Exchange::Done> Exchange::pass(Outcome outcome) {
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
  std::string out;
  upstream::write_request(request, options, out);

  const auto sequence = cache().next_sequence();
  auto& counters = *view_.counters;
  const auto asked = worker_.loop.now().mono;
  InDoubt write(*this);
  for (bool again = false;; again = true) {
    upstream::Call call(worker_.pool, rules.gate);
    call.set_target(request.path);
    Watch watch(client_, call);
    Upload upload(client_, call, request.framing, rules.gate, {rules.limits.body, rules.timeouts.body});

    // nullopt: once more.
    const auto attempt = [&]() -> Task<std::optional<Done>> {
      auto failed = co_await call.open(again);
      const bool opened = !failed;
      if (opened) write.sent();
      if (!failed) failed = co_await call.write(out);
      if (!failed) {
        if (facts_.body)
          upload.start();
        else
          call.request_complete();
        // A write goes on without its client: it is better done than half done.
        if (!facts_.body && facts_.safe) watch.start();
        failed = co_await read_final_head(call);
        co_await watch.stop();
      }
      if (opened) counters.upstream_requests.add();
      if (!failed) {
        const auto answered = worker_.loop.now().mono;
        counters.upstream.observe(answered - asked);
        upstream_time_ = answered - asked;
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
            worker_.loop.counters().upstream_errors.add();
            co_return co_await fail(unasked, outcome);
          }
          co_return co_await tunnel(call, outcome);
        }
        auto result = co_await relay(call, nullptr, outcome, !facts_.body);
        // An answer may come before the request's body is read whole; what is left of it is nobody's.
        co_await upload.stop();
        if (facts_.body && upload.state() != Upload::State::complete && result == Done::keep)
          result = Done::linger;
        co_return result;
      }

      const bool client_side = upload.state() == Upload::State::refused ||
                               upload.state() == Upload::State::client_gone ||
                               upload.state() == Upload::State::client_late;
      co_await upload.stop();
      if (watch.client_has_gone()) {
        record(client_has_gone, 0, outcome);
        co_return Done::close;
      }
      const bool replayable = !again && !facts_.body && facts_.idempotent && call.may_retry();
      if (replayable) {
        worker_.loop.counters().upstream_retries.add();
        co_return std::nullopt;
      }
      write.lost();
      if (!client_side) {
        worker_.loop.counters().upstream_errors.add();
        counters.upstream_errors.add();
        if (facts_.body && upload.state() != Upload::State::complete) persistence_.keep_alive = false;
        const auto result = co_await fail(*failed, outcome);
        co_return result == Done::close&& facts_.body ? Done::linger : result;
      }
      if (upload.state() == Upload::State::client_gone) co_return Done::close;
      if (upload.state() == Upload::State::refused) co_return co_await refuse_body(upload.refusal());
      persistence_.keep_alive = false;
      const Problem late{408, "the request's body stopped for longer than timeouts.body", {}};
      co_await problem(late, nullptr);
      co_return Done::linger;
    };
    const auto stop = [&]() -> Task<void> {
      co_await watch.stop();
      co_await upload.stop();
    };
    if (const auto result = co_await beside(attempt, stop)) co_return *result;
  }
}

// RFC 9110 7.6.2: forwarded often enough. There is no Allow: which methods the resource has, only the API
// could say.
Task<Exchange::Done> Exchange::answer_finally() {
  Outcome outcome;
  outcome.detail = policy::Detail::max_forwards;
  const bool traced = facts_.method == http::Method::trace;
  std::string body;
  if (traced) http::write_trace(head(), body);
  if (facts_.body) persistence_.keep_alive = false;  // what is left of it is nobody's
  std::string out;
  write_final_answer(traced ? "message/http" : "", body, outcome, persistence(), out);
  record(200, body.size(), outcome);
  const bool sent = co_await client_.write(out, settings().timeouts.write);
  if (!sent) co_return Done::close;
  co_return facts_.body ? Done::linger : done();
}

// The body breaks a rule of the gate's: the connection cannot be read any further.
Task<Exchange::Done> Exchange::refuse_body(http::Refusal reason) {
  worker_.loop.counters().refused_requests[static_cast<std::size_t>(reason)].add();
  persistence_.keep_alive = false;
  const Problem answer{http::status_of(reason), std::string(http::describe(reason)), {}};
  co_await problem(answer, nullptr);
  co_return Done::linger;
}

Task<std::optional<Failure>> Exchange::read_final_head(upstream::Call& call) {
  for (;;) {
    if (auto failed = co_await call.read_head(facts_.method, facts_.upgrade)) co_return failed;
    if (!call.is_interim()) co_return std::nullopt;
    if (head().minor_version == 0) continue;  // RFC 9110 15.2
    std::string interim;
    http::write_interim(call.head(), interim);
    if (!co_await client_.write(interim, settings().timeouts.write)) {
      co_return Failure{upstream::FailureKind::closed_early, {}, "the client has gone"};
    }
  }
}

Task<Exchange::Done> Exchange::relay(upstream::Call& call, cache::Handover* begun, Outcome outcome,
                                     bool watch) {
  const auto& answer = call.head();
  const auto timeout = settings().timeouts.write;
  const auto framing = framing_for(answer, is_head(), persistence());
  const bool chunked = framing.kind == Framing::Kind::chunked;
  std::string lead;
  write_forwarded_head(answer, confirmed_tag(answer), framing, is_head(), outcome, shown_key(), persistence_,
                       lead);

  std::uint64_t body_bytes = 0;
  const auto send = [&](std::string_view data) {
    body_bytes += data.size();
    if (chunked && !data.empty()) lead += fmt::format("{:x}\r\n", data.size());
    return client_.write(lead, data, chunked && !data.empty() ? "\r\n" : "", timeout);
  };

  Watch watcher(client_, call);
  bool sent = true;
  bool complete = framing.kind == Framing::Kind::none;
  std::optional<Failure> failed;
  if (begun != nullptr && !begun->prefix.empty()) {
    sent = co_await send(begun->prefix);
    lead.clear();
    complete = begun->complete;
  }
  // The head goes at once, and with the first bytes of the body where they are already here.
  const bool silent = call.buffered().empty();
  if (sent && !lead.empty() && (silent || complete)) {
    sent = co_await send({});
    lead.clear();
  }
  const auto transfer = [&]() -> Task<void> {
    if (sent && !complete && watch && answer.framing.kind != Framing::Kind::length) watcher.start();
    while (sent && !complete) {
      auto piece = co_await call.read_body();
      if (piece.failure) {
        failed = std::move(piece.failure);
        break;
      }
      complete = piece.end;
      if (storer_) storer_->append(piece.data);
      if (piece.data.empty()) continue;
      sent = co_await send(piece.data);
      lead.clear();
    }
    if (sent && complete && (chunked || !lead.empty())) {
      sent = co_await client_.write(lead, chunked ? "0\r\n\r\n" : "", {}, timeout);
      lead.clear();
    }
  };
  co_await beside(transfer, [&] { return watcher.stop(); });

  if (storer_ && complete) {
    const auto path = http::normalise_path(head().path, worker_.path);
    worker_.key.assign(policy::authority_of(head(), settings()), path, head(), *route_);
    (void)storer_->finish(cache().target(*route_, view_.hash, worker_.key.view(), facts_));
  }
  if (failed && !lead.empty()) co_return co_await fail(*failed, outcome);  // the client has seen nothing yet
  record(answer.status, body_bytes, outcome);
  if (failed) {
    // The client must not take a part for the whole (RFC 9112 8).
    worker_.loop.counters().upstream_errors.add();
    if (framing.kind == Framing::Kind::until_close) client_.abort();
    co_return Done::close;
  }
  co_return sent ? done() : Done::close;
}

Task<Exchange::Done> Exchange::tunnel(upstream::Call& call, Outcome outcome) {
  std::string out;
  write_upgrade_head(call.head(), out);
  const std::string early(call.buffered());
  record(101, 0, outcome);
  if (!co_await client_.write(out, early, {}, settings().timeouts.write)) co_return Done::close;
  auto connection = call.take_connection();
  Tunnel between(client_, *connection, settings().timeouts.tunnel);
  co_await between.run();
  co_return Done::close;
}

}  // namespace larder::server
