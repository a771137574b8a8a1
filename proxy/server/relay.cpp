// Exchange: streaming a response to its client.

#include "http/media_type.hpp"
#include "http/target.hpp"
#include "server/exchange.hpp"
#include "server/watch.hpp"

namespace larder::server {

using policy::Outcome;
using upstream::Failure;

namespace {

bool is_stream(const http::ResponseHead& response) {
  const auto* type = http::find(response.fields, http::FieldId::content_type);
  return type != nullptr && http::is_stream_type(type->value);
}

}  // namespace

struct Exchange::Relayed {
  bool complete = false;
  bool sent = true;  // the client can be reached
  std::uint64_t body_bytes = 0;
  std::optional<Failure> failed;
};

// `is_stream`: the response may never end, so that a client that has closed its sending side is taken to have
// gone. A finite response is still sent to such a client, but one that stops to arrive is taken for a stream.
Task<void> Exchange::relay_body(upstream::Call& call, bool is_stream, bool watch, Relayed& relayed) {
  Watch watcher(worker_.loop, stream_, [&call] { call.cancel(); });
  const auto half_closed = is_stream ? Millis{0} : settings().upstream.fill_timeout;
  const auto transfer = [&]() -> Task<void> {
    if (relayed.sent && !relayed.complete && watch) watcher.start(half_closed);
    while (relayed.sent && !relayed.complete) {
      auto piece = co_await call.read_body();
      if (piece.failure) {
        relayed.failed = std::move(piece.failure);
        break;
      }
      watcher.progress(half_closed);
      relayed.complete = piece.end;
      if (storer_) storer_->append(piece.data);
      relayed.body_bytes += piece.data.size();
      const bool is_sent = co_await stream_.write(piece.data);
      relayed.sent = is_sent;
    }
    if (relayed.sent && relayed.complete) (void)co_await stream_.finish();
  };
  co_await beside(transfer, [&] { return watcher.stop(); });
}

Task<void> Exchange::relay(upstream::Call& call, cache::Handover* begun, Outcome outcome, bool watch) {
  const auto& answer = call.head();
  Relayed relayed;
  if (!streamed_) {
    const auto tag = confirmed_tag(answer);
    relayed.complete = !stream_.begin({answer, tag, is_head(), outcome, shown_key(), request_id()});
  }
  if (begun != nullptr && !begun->prefix.empty()) {
    relayed.body_bytes = begun->prefix.size();
    relayed.complete = begun->complete;
    const bool is_sent = co_await stream_.write(begun->prefix);
    relayed.sent = is_sent;
    begun->prefix = {};
    begun->share.give_back();
  }
  // The head is sent with the first bytes of the body if they are here already.
  if (relayed.sent && !relayed.complete && call.buffered().empty()) {
    const bool is_sent = co_await stream_.flush();
    relayed.sent = is_sent;
  }
  const bool may_be_endless = is_stream(answer) || outcome.detail == policy::Detail::slow;
  co_await relay_body(call, may_be_endless, watch, relayed);

  if (storer_ && relayed.complete) {
    const auto path = http::normalise_path(head().path, memory_.path);
    memory_.key.assign(policy::authority_of(head(), settings()), path, head(), *route_, arrival_.scheme);
    (void)storer_->finish(cache().target(*route_, view_.hash, memory_.key.view(), facts_));
  }
  if (relayed.failed && !stream_.has_sent()) co_return co_await fail(*relayed.failed, outcome);
  record(answer.status, relayed.body_bytes, outcome);
  if (relayed.failed) {
    // The client must not take a part for the whole (RFC 9112 8).
    relayed.failed->count(worker_.loop.counters(), view_.counters);
    stream_.reset();
  }
}

}  // namespace larder::server
