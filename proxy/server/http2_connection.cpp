#include "server/http2_connection.hpp"

#include "net/spawn.hpp"
#include "server/reply.hpp"

#include <array>
#include <new>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace larder::server {

namespace {

// What a client may do at once, and then per second, before the connection is ended.
constexpr double resets_at_once = 200;
constexpr double resets_per_second = 20;
constexpr double controls_at_once = 1000;
constexpr double controls_per_second = 100;
// Of a connection, for bodies of requests that have not been read. A part of it is reserved, in equal shares,
// for all streams that may be open: a stream that nobody reads cannot use up what another one needs. A second
// part is granted to streams that are read. The rest is what a client may send before it knows the settings.
constexpr std::uint32_t connection_window = 256 * 1024;
constexpr std::size_t reserved_windows = 96 * 1024;
constexpr std::size_t granted_windows = 96 * 1024;

// RFC 6455 4.1: 16 random bytes in base64.
std::string random_key() {
  std::array<unsigned char, 16> bytes{};
  std::array<unsigned char, 25> text{};
  (void)RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  const int size = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size)};
}

struct Options {
  Options() {
    if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_no_closed_streams(made, 1);
    nghttp2_option_set_builtin_recv_extension_type(made, NGHTTP2_PRIORITY_UPDATE);
  }
  ~Options() { nghttp2_option_del(made); }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  nghttp2_option* made = nullptr;
};

}  // namespace

Http2Connection::Http2Connection(Worker& worker, Client& client, const policy::Arrival& arrival,
                                 const ListenerRules& rules, Owner& owner)
    : worker_(worker),
      client_(client),
      arrival_(arrival),
      rules_(rules),
      owner_(owner),
      resets_(resets_at_once, resets_per_second),
      controls_(controls_at_once, controls_per_second),
      window_of_stream_(
          std::min(worker.settings().limits.buffer,
                   std::max<std::size_t>(1, reserved_windows / worker.settings().limits.streams))),
      grants_left_(granted_windows) {
  static const Options options;
  if (nghttp2_session_server_new2(&session_, http2_callbacks(), this, options.made) != 0)
    throw std::bad_alloc();
  const auto& limits = worker.settings().limits;
  const std::array<nghttp2_settings_entry, 5> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits.streams)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(window_of_stream_)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(worker.settings().gate.head)},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  if (nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0) {
    nghttp2_session_del(session_);
    throw std::bad_alloc();
  }
}

Http2Connection::~Http2Connection() {
  streams_.clear();
  nghttp2_session_del(session_);
}

// ---- Input

bool Http2Connection::receive(std::string_view bytes) {
  if (is_broken_) return false;
  is_entered_ = true;
  const auto taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  is_entered_ = false;
  if (taken < 0) {
    // Without memory, after a wrong preface, or after more than nghttp2 allows of settings or CONTINUATION.
    ready_.clear();
    terminate(taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR
              : taken == NGHTTP2_ERR_NOMEM          ? NGHTTP2_INTERNAL_ERROR
                                                    : NGHTTP2_ENHANCE_YOUR_CALM);
    flush();
    return false;
  }
  begin_ready();
  return !is_broken_;
}

void Http2Connection::begin_ready() {
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    const auto found = streams_.find(ready_[i]);
    if (found != streams_.end() && !found->second->is_closed_ && !is_terminated_)
      begin_request(*found->second);
  }
  ready_.clear();
}

void Http2Connection::begin_request(Http2Stream& stream) {
  ++answered_;
  worker_.loop.counters().http2_requests.add();
  controls_.give(controls_for_a_frame);
  auto& request = stream.memory_->request;
  // RFC 8441 5: over HTTP/2 clients send none, but the API expects one.
  if (request.protocol() == "websocket")
    (void)request.add("sec-websocket-key", random_key(), worker_.settings().gate);
  const auto fault = request.finish(!stream.has_body_);
  if (fault == http::H2Request::Fault::malformed) {
    (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  const auto text = request.text();
  std::optional<http::Refusal> refusal;
  if (fault == http::H2Request::Fault::too_large) {
    refusal = http::Refusal::head_too_large;
  } else {
    refusal = http::read_request(text, worker_.settings().gate, stream.memory_->head).refusal;
    if (!refusal) {
      stream.memory_->head.scheme = request.scheme();
      refusal = owner_.judge(stream.memory_->head);
    }
  }
  if (refusal) return refuse(stream, *refusal);
  const auto* reply =
      stream.exchange_
          .emplace(worker_, stream, arrival_, stream.memory_->head, text, stream.memory_->exchange)
          .try_now();
  if (reply == nullptr) return run("request", stream.finish_exchange(), &stream);
  stream.submit(*reply);
  replied_.push_back(stream.id());
}

void Http2Connection::refuse(Http2Stream& stream, http::Refusal reason) {
  worker_.loop.counters().refused_requests[static_cast<std::size_t>(reason)].add();
  const auto& own = stream.refusal_.emplace(
      make_problem({http::status_of(reason), std::string(http::describe(reason)), {}}));
  const auto outcome = refused();
  const auto reply = own.reply(&outcome, stream.memory_->request.is_head());
  if (worker_.access_log.is_on()) {
    AccessRecord record;
    record.client = client_.address();
    record.method = "-";
    record.target = "-";
    record.is_http_2 = true;
    record.status = own.status;
    record.body_bytes = reply.body.size();
    record.outcome = outcome;
    worker_.access_log.append(record, worker_.loop.now().wall);
  }
  stream.submit(reply);
  replied_.push_back(stream.id());
}

void Http2Connection::note_received(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) return settings_are_known();
      return note_control();
    case NGHTTP2_RST_STREAM:
      return note_reset();
    case NGHTTP2_DATA:
      if (frame.hd.length == 0 && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) note_control();
      return;
    case NGHTTP2_HEADERS:
      return;
    default:
      return note_control();
  }
}

void Http2Connection::note_reset() noexcept {
  worker_.loop.counters().http2_resets.add();
  if (!resets_.take(worker_.loop.now().mono)) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Connection::note_control() noexcept {
  if (!controls_.take(worker_.loop.now().mono)) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Connection::terminate(std::uint32_t code) noexcept {
  if (std::exchange(is_terminated_, true)) return;
  if (code == NGHTTP2_ENHANCE_YOUR_CALM) worker_.loop.counters().http2_floods.add();
  (void)nghttp2_session_terminate_session(session_, code);
}

// ---- Output

// True if there is something to be written.
bool Http2Connection::collect() {
  if (out_at_ < out_.size()) return true;
  out_.clear();
  out_at_ = 0;
  is_entered_ = true;
  const int error = nghttp2_session_send(session_);
  is_entered_ = false;
  if (error != 0) is_broken_ = true;
  return !out_.empty();
}

// False: the client takes no more for the moment.
bool Http2Connection::write_out() {
  while (!is_broken_ && collect()) {
    const std::array<asio::const_buffer, 1> piece{asio::buffer(std::string_view(out_).substr(out_at_))};
    const auto sent = client_.write_now(piece);
    if (!sent) {
      is_broken_ = true;
      break;
    }
    out_at_ += *sent;
    if (out_at_ < out_.size()) return false;
  }
  out_ = {};
  out_at_ = 0;
  return true;
}

void Http2Connection::flush() noexcept {
  if (is_entered_ || is_waiting_to_write_ || is_broken_) return;
  try {
    if (!write_out()) {
      is_waiting_to_write_ = true;
      run("HTTP/2 output", write_when_possible(), nullptr);
    }
    await_replies();
  } catch (const std::exception&) {  // out of memory: its owner ends the connection
    is_broken_ = true;
    worker_.loop.note_failure("HTTP/2 output", std::current_exception());
  }
}

// What could not be sent at once has to be waited for.
void Http2Connection::await_replies() {
  if (replied_.empty()) return;
  const auto replied = std::exchange(replied_, {});
  for (const auto id : replied) {
    const auto found = streams_.find(id);
    if (found == streams_.end() || found->second->piece_.empty()) continue;
    run("response", found->second->finish_reply(), found->second.get());
  }
}

Task<void> Http2Connection::write_when_possible() {
  auto& transport = client_.transport();
  Deadline deadline(worker_.loop.sweeper(), [&transport] { transport.cancel(); });
  bool is_written = false;
  while (!is_written && !is_broken_) {
    deadline.set(worker_.settings().timeouts.write);
    const auto error = co_await transport.wait(Transport::Wait::write);
    if (error) is_broken_ = true;
    is_written = write_out();
    await_replies();
  }
  is_waiting_to_write_ = false;
}

// ---- Streams

void Http2Connection::run(std::string_view name, Task<void> task, Http2Stream* stream) {
  const auto id = stream == nullptr ? 0 : stream->id();
  const auto count = [this, stream](bool runs) {
    running_ += runs ? 1 : std::size_t(0) - 1;
    if (stream != nullptr) stream->is_running_ = runs;
  };
  count(true);
  try {
    spawn(worker_.loop, name, std::move(task), [this, id, count] {
      const auto found = id == 0 ? streams_.end() : streams_.find(id);
      if (found != streams_.end()) found->second->end_exchange();
      count(false);
      if (found != streams_.end()) end_if_done(*found->second);
      owner_.on_http2_progress();
    });
  } catch (const std::bad_alloc&) {  // it has not begun
    count(false);
    throw;
  }
}

void Http2Connection::end_if_done(Http2Stream& stream) noexcept {
  if (stream.is_gone_ && !stream.is_running_) streams_.erase(stream.id());
}

// Until then, the windows are those of RFC 9113 6.9.2: 64 KiB for each stream, and for all of them.
void Http2Connection::settings_are_known() noexcept {
  if (std::exchange(knows_settings_, true)) return;
  (void)nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
  for (auto& [id, stream] : streams_)
    if (stream->waiting_ && stream->waiting_->is_body_read) grant_window(*stream);
}

void Http2Connection::grant_window(Http2Stream& stream) noexcept {
  if (stream.granted_ > 0 || stream.body_ended_ || is_broken_ || !knows_settings_) return;
  const auto buffer = worker_.settings().limits.buffer;  // may have become smaller than the window
  const auto granted = std::min(buffer - std::min(buffer, window_of_stream_), grants_left_);
  if (granted == 0) return;
  const auto window = static_cast<std::int32_t>(window_of_stream_ + granted);
  if (nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, stream.id(), window) != 0) return;
  stream.granted_ = granted;
  grants_left_ -= granted;
}

bool Http2Connection::is_over() const noexcept {
  return is_broken_ || (out_.empty() && nghttp2_session_want_read(session_) == 0 &&
                        nghttp2_session_want_write(session_) == 0);
}

void Http2Connection::announce_end() {
  (void)nghttp2_submit_shutdown_notice(session_);
  flush();
}

void Http2Connection::refuse_new_streams() {
  const auto last = nghttp2_session_get_last_proc_stream_id(session_);
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  flush();
}

void Http2Connection::abandon() noexcept {
  is_broken_ = true;
  out_ = {};
  out_at_ = 0;
  for (auto& [id, stream] : streams_) {
    stream->is_closed_ = stream->is_gone_ = true;
    stream->piece_ = {};
    stream->wake_reader();
    stream->wake_writer();
  }
  std::erase_if(streams_, [](const auto& one) { return !one.second->is_running_; });
}

}  // namespace larder::server
