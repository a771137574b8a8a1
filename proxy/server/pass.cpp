// Exchange: what streams through larder without being stored.

#include "http/max_forwards.hpp"
#include "http/text.hpp"
#include "net/child_task.hpp"
#include "policy/invalidation.hpp"
#include "server/exchange.hpp"
#include "server/tunnel.hpp"
#include "server/upload.hpp"
#include "store/interim.hpp"
#include "upstream/request.hpp"

#include <algorithm>

namespace larder::server {

using http::Framing;
using policy::Outcome;
using upstream::Failure;

namespace {

constexpr int client_has_gone = 499;  // in the access log alone: nobody was there to answer

// Ends a call once its client has gone: an answer that is slow to come, or an event stream that is silent,
// would else hold its connection for nobody. A request behind this one hides the end; deadlines bound that.
class Watch {
 public:
  Watch(Stream& stream, upstream::Call& call) : stream_(stream), call_(call), companion_(call.loop()) {}

  void start() { companion_.start("watch of a client", run()); }
  /// To be awaited before the call or the client goes away.
  [[nodiscard]] Task<void> stop() {
    if (companion_.is_running()) stream_.cancel_read();
    co_await companion_.join();
  }
  [[nodiscard]] bool client_has_gone() const noexcept { return gone_; }

 private:
  Task<void> run() {
    const bool gone = co_await stream_.await_departure();
    gone_ = gone;
    if (gone) call_.cancel();
  }

  Stream& stream_;
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
  std::string out;
  upstream::write_request(request, options, out);

  const auto sequence = cache().next_sequence();
  auto& counters = *view_.counters;
  const auto asked = worker_.loop.now().mono;
  InDoubt write(*this);
  for (bool again = false;; again = true) {
    upstream::Call call(worker_.pool, rules.gate);
    call.set_target(request.path);
    Watch watch(stream_, call);
    Upload upload(stream_, call, request.framing, {rules.limits.body, rules.timeouts.body});

    // False: to be tried once more.
    const auto attempt = [&]() -> Task<bool> {
      auto failed = co_await call.open(again);
      const bool opened = !failed;
      if (opened) write.sent();
      if (!failed) failed = co_await call.write(out);
      if (!failed) {
        if (facts_.body)
          upload.start();
        else
          call.request_complete();
        // A write continues without its client, as it may be half done.
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
        const Problem late{408, "the request's body stopped for longer than timeouts.body", {}};
        co_await problem(late, nullptr);
      } else {
        worker_.loop.counters().upstream_errors.add();
        counters.upstream_errors.add();
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
  co_await problem(answer, nullptr);
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

Task<void> Exchange::relay(upstream::Call& call, cache::Handover* begun, Outcome outcome, bool watch) {
  const auto& answer = call.head();
  const auto tag = confirmed_tag(answer);
  bool complete = !stream_.begin({answer, tag, is_head(), outcome, shown_key()});
  bool sent = true;
  std::uint64_t body_bytes = 0;
  const auto send = [&](std::string_view data) {
    body_bytes += data.size();
    return stream_.write(data);
  };
  if (begun != nullptr && !begun->prefix.empty()) {
    sent = co_await send(begun->prefix);
    complete = begun->complete;
  }
  // The head is sent with the first bytes of the body if they are here already.
  if (sent && !complete && call.buffered().empty()) sent = co_await stream_.flush();

  Watch watcher(stream_, call);
  std::optional<Failure> failed;
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
      sent = co_await send(piece.data);
    }
    if (sent && complete) (void)co_await stream_.finish();
  };
  co_await beside(transfer, [&] { return watcher.stop(); });

  if (storer_ && complete) {
    const auto path = http::normalise_path(head().path, memory_.path);
    memory_.key.assign(policy::authority_of(head(), settings()), path, head(), *route_);
    (void)storer_->finish(cache().target(*route_, view_.hash, memory_.key.view(), facts_));
  }
  if (failed && !stream_.has_sent()) co_return co_await fail(*failed, outcome);
  record(answer.status, body_bytes, outcome);
  if (failed) {
    // The client must not take a part for the whole (RFC 9112 8).
    worker_.loop.counters().upstream_errors.add();
    stream_.reset();
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
