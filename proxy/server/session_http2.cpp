// Session: as an HTTP/2 connection.
#include "net/spawn.hpp"
#include "server/session.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace larder::server {

namespace {

constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t max_http2_reads_in_a_turn = 4;
// Between the announcement that no new streams will be accepted and the time from which they are not.
constexpr Millis http2_end_notice{1000};

}  // namespace

Session::Preface Session::preface() const noexcept {
  if (!may_be_http2_) return Preface::none;
  const auto unread = client_.unread();
  const auto size = std::min(unread.size(), http2_preface.size());
  if (unread.substr(0, size) != http2_preface.substr(0, size)) return Preface::none;
  return size == http2_preface.size() ? Preface::whole : Preface::part;
}

// At rest; the session may be gone afterwards.
void Session::begin_http2() noexcept {
  arrival_.is_http_2 = true;
  may_be_http2_ = false;
  try {
    http2_ = std::make_unique<Http2Connection>(worker_, client_, arrival_, *rules_,
                                               static_cast<Http2Connection::Owner&>(*this));
    worker_.loop.counters().http2_connections.add(1);
  } catch (const std::bad_alloc&) {
    return end_at_rest();
  }
  give_back_turn();
  go_on_http2();
}

void Session::go_on_http2() noexcept {
  bool is_open = false;
  attended_ = true;
  try {
    is_open = read_http2();
  } catch (...) {
    worker_.loop.note_failure("HTTP/2 connection", std::current_exception());
  }
  attended_ = false;
  after_http2(is_open);
}

// False: the connection has ended, or is to be ended.
bool Session::read_http2() {
  for (std::size_t reads = 0;;) {
    if (const auto unread = client_.unread(); !unread.empty()) {
      const auto size = unread.size();
      if (!http2_->receive(unread)) return false;
      client_.consume(size);
    }
    if (!client_.may_have_input()) break;
    if (reads++ == max_http2_reads_in_a_turn) {
      worker_.loop.counters().connections_yielded.add();
      http2_->run("HTTP/2 input", yield_http2(), nullptr);
      break;
    }
    const auto read = client_.read_now();
    if (read == Client::Read::would_block) break;
    if (read != Client::Read::some) return false;
  }
  http2_->flush();
  client_.release_buffer();
  return !http2_->is_over();
}

// Others first.
Task<void> Session::yield_http2() {
  co_await asio::post(worker_.loop.executor(), asio::use_awaitable_t<Executor>{});
  client_.input_has_come();
}

std::optional<http::Refusal> Session::judge(http::RequestHead& head) {
  apply_trust(head);
  const bool draining = worker_.shared.draining.load(std::memory_order_relaxed);
  const auto bound = worker_.settings().limits.requests_per_connection;
  if (draining || (bound != 0 && http2_->answered() >= bound)) begin_end_of_http2();
  // A proxy that is trusted may use a scheme of its own towards us.
  if (arrival_.trusted) head.scheme.reset();
  return refusal_of_listener(head);
}

void Session::on_http2_progress() noexcept {
  if (attended_) return;
  if (client_.may_have_input()) return go_on_http2();
  after_http2(!http2_->is_over());
}

// The session may be gone afterwards.
void Session::after_http2(bool is_open) noexcept {
  if (!is_open) return end_at_rest();
  const auto& timeouts = worker_.settings().timeouts;
  auto& deadline = client_.deadline();
  if (http2_->is_quiet()) {
    if (refuses_streams_) return end_at_rest();
    if (is_ending_) return;  // the deadline runs
    begun_ = false;
    deadline.set(timeouts.idle);
    idle_ = true;
    worker_.note_idle(*this);
    return;
  }
  idle_ = false;
  if (is_ending_) return;
  if (http2_->reads_head()) {
    if (!std::exchange(begun_, true)) deadline.set(timeouts.head);
  } else {
    begun_ = false;
    deadline.clear();
  }
}

// A request that is on its way is still served (RFC 9113 6.8).
void Session::begin_end_of_http2() noexcept {
  if (std::exchange(is_ending_, true)) return;
  http2_->announce_end();
  client_.deadline().set(http2_end_notice);
}

void Session::end_http2_of(const std::string& listener) noexcept {
  if (http2_ && rules_->listener == listener) begin_end_of_http2();
}

void Session::on_http2_deadline() noexcept {
  refuses_streams_ = true;
  http2_->refuse_new_streams();
  if (!is_ending_ || http2_->is_quiet()) return end_at_rest();
}

// The session may be gone afterwards; it is gone when nothing refers to the connection any more.
void Session::end_http2() noexcept {
  if (http2_->is_running()) {
    http2_->abandon();
    client_.close();
    return;
  }
  delete this;
}

}  // namespace larder::server
