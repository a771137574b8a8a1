#include "server/http2_stream.hpp"

#include "http/text.hpp"
#include "server/http2_connection.hpp"
#include "server/http2_tunnel.hpp"

#include <array>
#include <charconv>

namespace larder::server {

namespace {

// The fields of a response, for nghttp2, which copies them and writes names in lower case.
class ResponseFields {
 public:
  explicit ResponseFields(int status) : fields_(scratch()) {
    std::to_chars(status_.data(), status_.data() + status_.size(), status);
    fields_.clear();
    add(":status", {status_.data(), status_.size()});
  }
  void add(std::string_view name, std::string_view value) {
    fields_.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  /// Lines of HTTP/1.
  void add_lines(std::string_view lines) {
    while (!lines.empty()) {
      const auto end = lines.find("\r\n");
      const auto line = lines.substr(0, end);
      const auto colon = line.find(": ");
      if (colon != std::string_view::npos) add(line.substr(0, colon), line.substr(colon + 2));
      lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
    }
  }
  [[nodiscard]] const nghttp2_nv* data() const noexcept { return fields_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }

 private:
  // nghttp2 does not write through these.
  static std::uint8_t* bytes(std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  }
  // A loop has its thread to itself, and nothing waits while there is such an object.
  static std::vector<nghttp2_nv>& scratch() {
    thread_local std::vector<nghttp2_nv> memory;
    return memory;
  }
  std::array<char, 3> status_{};
  std::vector<nghttp2_nv>& fields_;
};

}  // namespace

Http2Stream::Http2Stream(Http2Connection& connection, std::int32_t id)
    : connection_(connection), id_(id), memory_(connection.worker().http2_memory->acquire()) {
  memory_->request.clear();
}

Http2Stream::~Http2Stream() {
  tunnel_.reset();
  exchange_.reset();  // refers to the memory
  connection_.worker().http2_memory->release(std::move(memory_));
}

Http2Stream::Waiting& Http2Stream::waiting() {
  if (!waiting_) waiting_ = std::make_unique<Waiting>(connection_.worker().loop);
  return *waiting_;
}

void Http2Stream::wake_reader() noexcept {
  if (waiting_) waiting_->input.raise();
}
void Http2Stream::wake_writer() noexcept {
  if (waiting_) waiting_->output.raise();
}

// ---- The request's body

Task<Stream::Piece> Http2Stream::read_body(Millis timeout) {
  using State = Piece::State;
  auto& own = waiting();
  own.is_body_read = true;
  connection_.grant_window(*this);
  if (!own.current.empty()) {
    open_window(own.current.size());
    own.current.clear();
  }
  connection_.flush();
  for (;;) {
    if (!own.received.empty()) {
      std::swap(own.current, own.received);
      co_return Piece{State::some, own.current, {}};
    }
    if (body_ended_) co_return Piece{State::end, {}, {}};
    if (is_closed_ || std::exchange(own.is_cancelled, false)) co_return Piece{State::gone, {}, {}};
    own.is_reading = true;
    const bool has_come = co_await own.input.wait_for(timeout);
    own.is_reading = false;
    if (!has_come) co_return Piece{State::late, {}, {}};
  }
}

void Http2Stream::cancel_read() noexcept {
  if (!waiting_ || !waiting_->is_reading) return;
  waiting_->is_cancelled = true;
  waiting_->input.raise();
}

// A client that has sent its request goes away by a reset, or with the connection.
Task<bool> Http2Stream::await_departure(Departure /*departure*/) {
  auto& own = waiting();
  own.is_reading = true;
  while (!is_closed_ && !own.is_cancelled) co_await own.input.wait();
  own.is_reading = false;
  own.is_cancelled = false;
  co_return is_closed_;
}

// ---- The response

void Http2Stream::submit(const Reply& reply) {
  if (is_closed_) return;
  ResponseFields fields(reply.status);
  for (const auto& [line, is_own, in_304] : reply.fields) {
    if (reply.status != 304 || in_304) fields.add(line.name, line.value);
  }
  thread_local std::string lines;
  lines = reply.private_lines;
  if (reply.age) append_age_line(*reply.age, lines);
  if (reply.outcome != nullptr) append_cache_status_line(*reply.outcome, reply.key, lines);
  lines += connection_.rules().hsts;
  fields.add_lines(lines);
  piece_ = reply.body;
  is_last_piece_ = true;
  has_sent_ = true;
  submit_fields(fields.data(), fields.size(), !piece_.empty());
}

void Http2Stream::submit_head(bool has_body) {
  auto& own = waiting();
  if (has_sent_ || is_closed_) return;
  ResponseFields fields(own.status);
  fields.add_lines(own.lines);
  has_sent_ = true;
  submit_fields(fields.data(), fields.size(), has_body);
  own.lines.clear();
}

void Http2Stream::submit_fields(const nghttp2_nv* fields, std::size_t count, bool has_body) {
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room,
                          std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
    return static_cast<Http2Stream*>(source->ptr)->offer(room, *flags);
  };
  const int error =
      nghttp2_submit_response(connection_.session(), id_, fields, count, has_body ? &body : nullptr);
  if (error != 0) reset();
}

// What of the body may be sent now. nghttp2 asks; `Http2Callbacks::send_data` takes it.
std::ptrdiff_t Http2Stream::offer(std::size_t room, std::uint32_t& flags) noexcept {
  if (piece_.empty() && !is_last_piece_) {
    is_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const auto size = std::min(room, piece_.size());
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (is_last_piece_ && size == piece_.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<std::ptrdiff_t>(size);
}

void Http2Stream::resume() noexcept {
  if (std::exchange(is_deferred_, false)) (void)nghttp2_session_resume_data(connection_.session(), id_);
}

Task<bool> Http2Stream::await_sent() {
  auto& own = waiting();
  while (!piece_.empty() && !is_closed_) {
    const bool goes_on = co_await own.output.wait_for(connection_.worker().settings().timeouts.write);
    if (!goes_on) reset();
  }
  piece_ = {};
  co_return !is_closed_;
}

Task<bool> Http2Stream::send(const Reply& reply) {
  submit(reply);
  connection_.flush();
  co_return co_await await_sent();
}

Task<bool> Http2Stream::send_interim(const store::MadeHead& head) {
  if (is_closed_) co_return false;
  const auto view = head.view();
  ResponseFields fields(view.status());
  for (const auto& [line, is_own, in_304] : view) fields.add(line.name, line.value);
  (void)nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, id_, nullptr, fields.data(),
                               fields.size(), nullptr);
  connection_.flush();
  co_return !is_closed_;
}

bool Http2Stream::begin(const Forwarded& response) {
  auto& own = waiting();
  const auto& from_api = response.head.framing;
  const bool has_body = !response.answers_head && from_api.kind != http::Framing::Kind::none;
  const auto framing = has_body && from_api.kind == http::Framing::Kind::length ? from_api : http::Framing{};
  std::string text;
  write_forwarded_head(response.head, response.entity_tag, framing, response.answers_head, response.outcome,
                       response.key, response.request_id, {true, 1, connection_.rules().hsts}, text);
  own.status = response.head.status;
  const auto begin = text.find("\r\n") + 2;
  own.lines = text.substr(begin, text.size() - begin - 2);
  return has_body;
}

Task<bool> Http2Stream::flush() {
  submit_head(true);
  connection_.flush();
  co_return !is_closed_;
}

Task<bool> Http2Stream::write(std::string_view data) {
  if (data.empty() || is_closed_) co_return !is_closed_;
  submit_head(true);
  piece_ = data;
  resume();
  connection_.flush();
  co_return co_await await_sent();
}

Task<bool> Http2Stream::finish() {
  is_last_piece_ = true;
  if (has_sent_)
    resume();
  else
    submit_head(false);
  connection_.flush();
  co_return !is_closed_;
}

void Http2Stream::reset() noexcept {
  if (is_closed_) return;
  is_closed_ = true;
  piece_ = {};
  (void)nghttp2_submit_rst_stream(connection_.session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
}

// RFC 8441 5: what HTTP/1 says with 101, Upgrade and Sec-WebSocket-Accept is a 200.
Task<Transport*> Http2Stream::switch_protocols(const http::ResponseHead& head, std::string& /*early*/) {
  auto& own = waiting();
  std::string text;
  write_upgrade_head(head, text);
  own.status = 200;
  for (std::string_view rest = std::string_view(text).substr(text.find("\r\n") + 2); rest.size() > 2;) {
    const auto line = rest.substr(0, rest.find("\r\n") + 2);
    rest.remove_prefix(line.size());
    const auto name = line.substr(0, line.find(':'));
    if (!http::iequals(name, "Connection") && !http::iequals(name, "Upgrade") &&
        !http::iequals(name, "Sec-WebSocket-Accept"))
      own.lines += line;
  }
  own.is_body_read = true;
  connection_.grant_window(*this);
  submit_head(true);
  connection_.flush();
  if (is_closed_) co_return nullptr;
  tunnel_ = std::make_unique<Transport>(connection_.worker().loop);
  tunnel_->set_layer(std::make_unique<Http2Tunnel>(*this));
  co_return tunnel_.get();
}

void Http2Stream::open_window(std::size_t bytes) noexcept {
  if (is_closed_) return;
  (void)nghttp2_session_consume(connection_.session(), id_, bytes);
  connection_.flush();
}

void Http2Stream::offer_piece(std::string_view piece) noexcept {
  piece_ = piece;
  resume();
  connection_.flush();
}

void Http2Stream::end_output() noexcept {
  is_last_piece_ = true;
  resume();
  connection_.flush();
}

void Http2Stream::reset_unless_ended() noexcept {
  if (is_last_piece_ && body_ended_) return;
  reset();
  connection_.flush();
}

// ---- What waits

Task<void> Http2Stream::finish_exchange() {
  co_await exchange_->finish();
}

// Without a whole response, the client must not wait for one.
void Http2Stream::end_exchange() noexcept {
  if (!is_closed_ && !(has_sent_ && is_last_piece_ && piece_.empty())) reset();
  exchange_.reset();
  connection_.flush();
}

Task<void> Http2Stream::finish_reply() {
  (void)co_await await_sent();
}

}  // namespace larder::server
