#include "server/http1_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace larder::server {

using http::Framing;

namespace {

// How the body of a forwarded response is framed for the client (RFC 9112 6.1, 6.3).
Framing framing_for(const Forwarded& response, Persistence& persistence) {
  const auto& from_api = response.head.framing;
  if (response.answers_head || from_api.kind == Framing::Kind::none) return {};
  if (from_api.kind == Framing::Kind::length) return from_api;
  if (persistence.minor_version == 1) return {Framing::Kind::chunked, 0};
  persistence.keep_alive = false;
  return {Framing::Kind::until_close, 0};
}

}  // namespace

struct Http1Stream::Waiting {
  Waiting(Client& client, const Framing& framing, const http::Limits& limits)
      : chunked(limits),
        remaining(framing.kind == Framing::Kind::length ? framing.length : 0),
        deadline(client.loop().sweeper(), [&client] { client.cancel(); }) {}

  // The request's body.
  http::ChunkedReader chunked;
  std::uint64_t remaining;
  Deadline deadline;         // its own: the client's is for writing meanwhile
  std::size_t consumed = 0;  // of the client's input, by the last piece
  bool is_complete = false;

  // A forwarded response.
  Framing response;
  std::string head;  // until it is sent

  // What could not be sent at once of a Reply.
  std::string rest_of_heads;
  std::string_view rest_of_body;
};

Http1Stream::Waiting& Http1Stream::waiting() {
  if (!waiting_) waiting_ = std::make_unique<Waiting>(client_, request_, worker_.settings().gate);
  return *waiting_;
}

Http1Stream::Http1Stream(Worker& worker, Client& client, const http::RequestHead& head, std::size_t head_size,
                         bool last, std::string& lines, std::string_view hsts)
    : worker_(worker),
      client_(client),
      request_(head.framing),
      head_size_(head_size),
      persistence_{head.keep_alive && !last, head.minor_version, hsts},
      lines_(lines) {}

Http1Stream::~Http1Stream() = default;

// Draining may have begun since the request came. A body that is not read makes the rest of the input
// unreadable.
Persistence& Http1Stream::persistence() noexcept {
  if (has_unread_body() || worker_.shared.draining.load(std::memory_order_relaxed))
    persistence_.keep_alive = false;
  return persistence_;
}

bool Http1Stream::has_unread_body() const noexcept {
  if (request_.kind == Framing::Kind::none) return false;
  if (request_.kind == Framing::Kind::length && request_.length == 0) return false;
  return !waiting_ || !waiting_->is_complete;
}

Http1Stream::End Http1Stream::end() const noexcept {
  if (is_broken_ || !is_complete_) return End::close;
  if (has_unread_body()) return End::linger;
  return persistence_.keep_alive ? End::keep : End::close;
}

void Http1Stream::release_head() noexcept {
  client_.consume(std::exchange(head_size_, 0));
}

// ---- The request's body

Task<Stream::Piece> Http1Stream::read_body(Millis timeout) {
  using State = Piece::State;
  auto& body = waiting();
  client_.consume(std::exchange(body.consumed, 0));
  const bool is_chunked = request_.kind == Framing::Kind::chunked;
  if (!is_chunked && body.remaining == 0) body.is_complete = true;
  for (;;) {
    if (body.is_complete) co_return Piece{State::end, {}, {}};
    while (client_.unread().empty()) {
      const auto result = client_.read_now();
      if (result == Client::Read::some) break;
      if (result != Client::Read::would_block) co_return Piece{State::gone, {}, {}};
      body.deadline.set(timeout);
      if (co_await client_.readable())
        co_return Piece{body.deadline.expired() ? State::late : State::gone, {}, {}};
      body.deadline.clear();
    }
    const auto unread = client_.unread();
    if (!is_chunked) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(body.remaining, unread.size()));
      body.remaining -= size;
      body.consumed = size;
      co_return Piece{State::some, unread.substr(0, size), {}};
    }
    using Step = http::ChunkedReader::Step;
    const auto step = body.chunked.feed(unread);
    if (step.state == Step::State::refused) co_return Piece{State::refused, {}, *step.refusal};
    body.is_complete = step.state == Step::State::done;
    if (!step.data.empty()) {
      body.consumed = step.consumed;
      co_return Piece{State::some, step.data, {}};
    }
    client_.consume(step.consumed);
  }
}

// A request behind this one hides the end; deadlines bound that.
Task<bool> Http1Stream::await_departure(Departure departure) {
  if (departure == Departure::broken) {
    const auto cancelled = co_await client_.transport().wait(Transport::Wait::broken);
    co_return !cancelled;
  }
  const auto error = co_await client_.readable();
  co_return !error && client_.has_ended();
}

// ---- The response

bool Http1Stream::send_now(const Reply& reply) {
  auto& out = lines_;
  out.clear();
  if (!reply.private_lines.empty()) out = reply.private_lines;
  if (reply.age) append_age_line(*reply.age, out);
  if (reply.outcome != nullptr) append_cache_status_line(*reply.outcome, reply.key, out);
  append_connection(persistence(), out);
  out += "\r\n";

  const std::array<asio::const_buffer, 3> pieces{asio::buffer(reply.head), asio::buffer(out),
                                                 asio::buffer(reply.body)};
  const auto sent = client_.write_now(pieces);
  is_broken_ = !sent;
  if (!sent) return true;
  const auto of_heads = reply.head.size() + out.size();
  is_complete_ = *sent == of_heads + reply.body.size();
  if (is_complete_) return true;
  // The client reads slowly: what is left is written by `send_rest`.
  auto& rest = waiting();
  if (*sent < of_heads) rest.rest_of_heads = std::string(reply.head).append(out).substr(*sent);
  rest.rest_of_body = reply.body.substr(*sent > of_heads ? *sent - of_heads : 0);
  return false;
}

Task<bool> Http1Stream::send_rest() {
  const bool is_sent = co_await write_all(waiting().rest_of_heads, waiting().rest_of_body);
  is_complete_ = is_sent;
  co_return is_sent;
}

Task<bool> Http1Stream::send(const Reply& reply) {
  if (send_now(reply)) co_return !is_broken_;
  co_return co_await send_rest();
}

Task<bool> Http1Stream::write_all(std::string_view first, std::string_view second, std::string_view third) {
  if (is_broken_) co_return false;
  has_sent_ = true;
  const bool is_sent = co_await client_.write(first, second, third, worker_.settings().timeouts.write);
  is_broken_ = !is_sent;
  co_return is_sent;
}

Task<bool> Http1Stream::send_interim(const store::MadeHead& head) {
  if (persistence_.minor_version == 0) co_return true;  // RFC 9110 15.2
  const bool is_sent = co_await client_.write(head.text, "\r\n", {}, worker_.settings().timeouts.write);
  is_broken_ = !is_sent;
  co_return is_sent;
}

bool Http1Stream::begin(const Forwarded& response) {
  auto& own = waiting();
  own.response = framing_for(response, persistence());
  write_forwarded_head(response.head, response.entity_tag, own.response, response.answers_head,
                       response.outcome, response.key, response.request_id, persistence(), own.head);
  return own.response.kind != Framing::Kind::none;
}

Task<bool> Http1Stream::flush() {
  if (waiting().head.empty()) co_return !is_broken_;
  const auto head = std::exchange(waiting().head, {});
  co_return co_await write_all(head);
}

Task<bool> Http1Stream::write(std::string_view data) {
  if (data.empty()) co_return !is_broken_;
  auto lead = std::exchange(waiting().head, {});
  const bool is_chunked = waiting().response.kind == Framing::Kind::chunked;
  if (is_chunked) fmt::format_to(std::back_inserter(lead), "{:x}\r\n", data.size());
  co_return co_await write_all(lead, data, is_chunked ? "\r\n" : "");
}

Task<bool> Http1Stream::finish() {
  const auto lead = std::exchange(waiting().head, {});
  const std::string_view last = waiting().response.kind == Framing::Kind::chunked ? "0\r\n\r\n" : "";
  // GCC 12 with UBSan: no co_await on the right of an assignment to a member.
  bool is_sent = !is_broken_;
  if (!lead.empty() || !last.empty()) is_sent = co_await write_all(lead, last);
  is_complete_ = is_sent;
  co_return is_sent;
}

void Http1Stream::reset() noexcept {
  is_broken_ = true;
  // RFC 9112 8: only a broken connection shows that such a body is incomplete.
  if (waiting_ && waiting_->response.kind == Framing::Kind::until_close) client_.abort();
}

Task<Transport*> Http1Stream::switch_protocols(const http::ResponseHead& head, std::string& early) {
  std::string out;
  write_upgrade_head(head, out);
  const bool is_sent = co_await write_all(out);
  is_broken_ = true;  // for HTTP
  if (!is_sent) co_return nullptr;
  release_head();
  early = client_.unread();
  client_.consume(early.size());
  client_.release_buffer();
  co_return &client_.transport();
}

}  // namespace larder::server
