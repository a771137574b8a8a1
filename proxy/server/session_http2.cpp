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
      read_http2_later(false);
      break;
    }
    const auto read = client_.read_now();
    if (read == Client::Read::would_block) {
      if (client_.reads_after_writing()) read_http2_later(true);
      break;
    }
    if (read != Client::Read::some) return false;
  }
  http2_->flush();
  client_.release_buffer();
  return !http2_->is_over();
}

// After others have had their turn; or, where TLS has to write first, when the client takes it.
void Session::read_http2_later(bool after_writing) {
  if (std::exchange(reads_later_, true)) return;
  http2_->run("HTTP/2 input", wait_to_read(after_writing), nullptr);
}

Task<void> Session::wait_to_read(bool after_writing) {
  if (after_writing)
    (void)co_await client_.readable();
  else
    co_await asio::post(worker_.loop.executor(), asio::use_awaitable_t<Executor>{});
  reads_later_ = false;
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
  if (!is_open) return end_http2();
  const auto& timeouts = worker_.settings().timeouts;
  auto& deadline = client_.deadline();
  idle_ = http2_->is_quiet() && !is_ending_;
  if (is_ending_) {  // the deadline is on_http2_deadline's
    if (refuses_streams_ && http2_->is_quiet()) end_http2();
    return;
  }
  if (idle_) {
    begun_ = false;
    deadline.set(timeouts.idle);
    worker_.note_idle(*this);
  } else if (http2_->reads_head()) {
    if (!std::exchange(begun_, true)) deadline.set(timeouts.head);
  } else {
    begun_ = false;
    deadline.clear();
  }
}

// Writing may find that the connection is over, and `on_http2_progress` would end the session meanwhile.
template <class Act>
void Session::with_http2(Act act) noexcept {
  const bool before = std::exchange(attended_, true);
  act(*http2_);
  attended_ = before;
}

// A request that is on its way is still served (RFC 9113 6.8).
void Session::begin_end_of_http2() noexcept {
  if (std::exchange(is_ending_, true)) return;
  client_.deadline().set(http2_end_notice);
  with_http2([](Http2Connection& connection) { connection.announce_end(); });
}

void Session::drain_http2() noexcept {
  begin_end_of_http2();
  after_http2(!http2_->is_over());
}

void Session::end_http2_of(const std::string& listener) noexcept {
  if (http2_ && rules_->listener == listener) drain_http2();
}

// The deadline of an idle connection, of a head, or between the two steps of an announced end.
void Session::on_http2_deadline() noexcept {
  if (!is_ending_) return close_http2();
  if (!std::exchange(refuses_streams_, true)) {
    if (http2_->reads_head()) client_.deadline().set(worker_.settings().timeouts.head);
    with_http2([](Http2Connection& connection) { connection.refuse_new_streams(); });
    return after_http2(!http2_->is_over());
  }
  if (http2_->reads_head()) close_http2();
}

void Session::close_http2() noexcept {
  with_http2([](Http2Connection& connection) { connection.refuse_new_streams(); });
  end_http2();
}

// The session may be gone afterwards; it is gone when nothing refers to the connection any more.
void Session::end_http2() noexcept {
  if (!http2_->is_running()) {
    delete this;
    return;
  }
  http2_->abandon();
  client_.close();
}

}  // namespace larder::server
