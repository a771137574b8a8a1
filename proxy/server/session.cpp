#include "server/session.hpp"

#include "net/spawn.hpp"
#include "server/reply.hpp"

#include <boost/asio/post.hpp>

#include <array>

namespace larder::server {

using State = http::GateResult::State;

namespace {

constexpr std::string_view task_name = "client connection";
constexpr Millis idle_time_when_draining{1000};
// A connection with more input than that lets other connections run first.
constexpr std::size_t max_reads_in_a_turn = 4;
constexpr std::size_t max_requests_in_a_turn = 128;

}  // namespace

Session::Session(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules,
                 std::unique_ptr<Transport::Layer> layer)
    : worker_(worker),
      rules_(std::move(rules)),
      client_(worker.loop, std::move(socket), std::move(peer.address)) {
  if (rules_->tls) {
    auto ssl = rules_->tls->new_connection();
    if (!ssl) throw std::bad_alloc();
    auto made = std::make_unique<tls::Layer>(worker.loop, client_.transport().descriptor(), rules_->tls,
                                             std::move(ssl), answer_without_tls());
    tls_ = made.get();
    is_bound_ = rules_->tls->binds_host();
    arrival_.scheme = http::Scheme::https;
    layer = std::move(made);
  }
  if (rules_->redirects_to_https) is_bound_ = true;
  may_be_http2_ = rules_->http2 && tls_ == nullptr;
  if (layer) client_.transport().set_layer(std::move(layer));
  arrival_.peer = client_.address();
  arrival_.port = peer.local_port;
  worker_.add(*this);
  worker_.loop.counters().connections.add(1);
}

Session::~Session() {
  if (turn_) {
    turn_->exchange.reset();
    turn_->stream.reset();
  }
  give_back_turn();
  if (http2_) worker_.loop.counters().http2_connections.add(-1);
  http2_.reset();
  worker_.end_handshake(*this);
  worker_.loop.idle_set().remove(*this);
  worker_.remove(*this);
  worker_.loop.counters().connections.add(-1);
  worker_.shared.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Session::end_at_rest() noexcept {
  if (attended_) return;
  if (http2_) return close_http2();
  delete this;
}

// A client whose request head is late gets 408. Between requests, the connection is closed without a
// response.
void Session::on_cancelled() noexcept {
  if (http2_) return on_http2_deadline();
  try {
    if (begun_ && client_.deadline().expired()) refuse_late_head();
  } catch (const std::exception&) {  // out of memory
  }
  end_at_rest();
}

void Session::refuse_late_head() {
  const auto outcome = refused();
  std::string out;
  write_problem({408, "the request's head was not complete within timeouts.head", {}}, false,
                {false, 1, rules_->hsts}, &outcome, out);
  record_refusal(408, out);
  const std::array<asio::const_buffer, 1> piece{asio::buffer(out)};
  (void)client_.transport().write_some(piece);
}

// A connection that has had no request yet stays open for a moment, because one may be on the way.
void Session::drain() noexcept {
  if (http2_) return drain_http2();
  if (!idle_) return;
  if (answered_ > 0)
    end_at_rest();
  else
    client_.deadline().set(idle_time_when_draining);
}

void Session::force() noexcept {
  if (attended_)
    client_.close();
  else
    end_at_rest();
}

void Session::give_back_turn() noexcept {
  if (turn_) worker_.turns->release(std::move(turn_));
}

// One deadline for the wait between requests, one for a head from its first byte on.
void Session::arm_read_deadline() {
  const auto& timeouts = worker_.settings().timeouts;
  idle_ = client_.unread().empty();
  if (idle_) {
    client_.release_buffer();
    give_back_turn();
    if (tls_ != nullptr && !tls_->is_established()) {
      if (!HandshakeHook::is_linked()) {
        client_.deadline().set(timeouts.handshake);
        worker_.begin_handshake(*this);
      }
      return;
    }
    const bool draining = worker_.shared.draining.load(std::memory_order_relaxed);
    client_.deadline().set(draining ? std::min(idle_time_when_draining, timeouts.idle) : timeouts.idle);
    worker_.note_idle(*this);
    return;
  }
  if (!begun_) {
    begun_ = true;
    client_.deadline().set(timeouts.head);
  }
  client_.set_aside();
  give_back_turn();
}

void Session::apply_trust(http::RequestHead& head) {
  const auto& settings = worker_.settings();
  if (trust_generation_ != worker_.generation()) {
    trust_generation_ = worker_.generation();
    arrival_.trusted = settings::contains(settings.trusted_proxies, arrival_.peer);
  }
  auto& notices = worker_.shared.notices;
  if (!settings.client_fields.empty()) policy::remove_client_fields(head, settings.client_fields);
  if (!arrival_.trusted) {
    const auto removed = policy::remove_forwarded(head, settings.request_fields);
    if (!removed.empty() && !std::exchange(noted_forwarding_, true))
      notices.forwarding_replaced(arrival_.peer, removed);
  }
  if (!head.dropped_field.empty() && !std::exchange(noted_underscore_, true))
    notices.underscore_dropped(head.dropped_field);
}

Session::Step Session::answer_now(std::size_t head_size) {
  ++answered_;
  apply_trust(turn_->head);
  if (turn_->head.scheme || is_bound_) {
    if (const auto refusal = refusal_of_listener(turn_->head)) {
      refusal_ = *refusal;
      return Step::refuse;
    }
    if (rules_->redirects_to_https) return Step::redirect;
  }
  const auto bound = worker_.settings().limits.requests_per_connection;
  const bool last =
      (bound != 0 && answered_ >= bound) || worker_.shared.draining.load(std::memory_order_relaxed);
  auto& turn = *turn_;
  auto& stream = turn.stream.emplace(worker_, client_, turn.head, head_size, last, turn.lines, rules_->hsts);
  const auto* reply =
      turn.exchange
          .emplace(worker_, stream, arrival_, turn.head, client_.unread().substr(0, head_size), turn.memory)
          .try_now();
  is_replying_ = reply != nullptr;
  if (reply == nullptr || !stream.send_now(*reply)) return Step::finish;
  return end_exchange();
}

Task<void> Session::finish_exchange() {
  if (is_replying_)
    (void)co_await turn_->stream->send_rest();
  else
    co_await turn_->exchange->finish();
}

Session::Step Session::end_exchange() noexcept {
  turn_->exchange.reset();
  auto& stream = *turn_->stream;
  stream.release_head();
  const auto end = stream.end();
  turn_->stream.reset();
  if (end == Http1Stream::End::keep) return Step::rest;
  return end == Http1Stream::End::linger ? Step::linger : Step::close;
}

Session::Step Session::proceed() {
  for (std::size_t reads = 0, requests = 0;;) {
    const auto unread = client_.unread();
    http::GateResult result;
    if (may_be_http2_) {
      const auto begun = preface();
      if (begun == Preface::whole) return Step::http2;
      may_be_http2_ = begun == Preface::part;
    }
    if (!unread.empty() && !may_be_http2_) {
      if (!turn_) turn_ = worker_.turns->acquire();
      result = http::read_request(unread, worker_.settings().gate, turn_->head);
    }
    if (result.state == State::need_more) {
      const bool draining = worker_.shared.draining.load(std::memory_order_relaxed);
      if (unread.empty() && answered_ > 0 && draining) return Step::close;
      if (client_.may_have_input() && reads++ == max_reads_in_a_turn) return Step::yield;
      const auto read = client_.may_have_input() ? client_.read_now() : Client::Read::would_block;
      if (tls_ != nullptr) look_at_handshake();
      if (arrival_.is_http_2) return Step::http2;
      if (read == Client::Read::some) continue;
      if (read != Client::Read::would_block) return Step::close;
      arm_read_deadline();
      return client_.reads_after_writing() ? Step::flush : Step::rest;
    }
    if (requests++ == max_requests_in_a_turn) return Step::yield;
    client_.deadline().clear();
    begun_ = idle_ = false;
    if (result.state == State::refused) {
      refusal_ = *result.refusal;
      return Step::refuse;
    }
    if (const auto step = answer_now(result.head_size); step != Step::rest) return step;
  }
}

Task<void> Session::attend(std::unique_ptr<Session> session, Step step) {
  auto& self = *session;
  while (step != Step::close) {
    if (step == Step::linger) {
      co_await self.client_.linger();
      break;
    }
    if (step == Step::refuse) {
      step = co_await self.refuse(self.refusal_);
      continue;
    }
    if (step == Step::redirect) {
      step = co_await self.redirect();
      continue;
    }
    if (step == Step::flush) {
      if (co_await self.client_.readable()) break;
      self.client_.input_has_come();
    }
    if (step == Step::yield) {
      self.worker_.loop.counters().connections_yielded.add();
      co_await asio::post(self.worker_.loop.executor(), asio::use_awaitable_t<Executor>{});
    }
    if (step == Step::finish) {
      co_await self.finish_exchange();
      step = self.end_exchange();
      if (step != Step::rest) continue;
      // What came meanwhile may have been announced before somebody read a part of it.
      self.client_.input_has_come();
    }
    step = self.proceed();
    if (step == Step::rest || step == Step::http2) {
      self.settle(std::move(session));
      if (step == Step::http2) self.begin_http2();
      break;
    }
  }
}

// At rest again: only the worker's list holds it.
void Session::settle(std::unique_ptr<Session> self) noexcept {
  attended_ = false;
  client_.at_rest(self.release());
}

void Session::go_on() noexcept {
  if (http2_) return go_on_http2();
  client_.at_rest(nullptr);
  attended_ = true;
  auto& worker = worker_;  // which outlives the session
  std::unique_ptr<Session> self(this);
  // An exception (out of memory, above all) ends this connection alone.
  try {
    const auto step = proceed();
    if (step == Step::rest || step == Step::http2) {
      auto& session = *self;
      settle(std::move(self));
      if (step == Step::http2) session.begin_http2();
    } else if (step != Step::close) {
      spawn(worker.loop, task_name, attend(std::move(self), step));
    }
  } catch (...) {
    worker.loop.note_failure(task_name, std::current_exception());
  }
}

void Session::on_input(bool ends) noexcept {
  client_.input_has_come();
  if (ends) client_.input_ends();
  if (!attended_) go_on();
}

void Session::begin() noexcept {
  if (!worker_.loop.idle_set().add(client_.transport().descriptor(), *this)) return end_at_rest();
  go_on();
}

// `response`: as it is sent.
void Session::record_refusal(int status, std::string_view response) {
  if (!worker_.access_log.is_on()) return;
  AccessRecord record;
  record.client = client_.address();
  record.method = "-";
  record.target = "-";
  record.status = status;
  record.body_bytes = response.size() - (response.find("\r\n\r\n") + 4);
  record.outcome = refused();
  worker_.access_log.append(record, worker_.loop.now().wall);
}

Task<Session::Step> Session::refuse(http::Refusal reason) {
  auto& counters = worker_.loop.counters();
  counters.refused_requests[static_cast<std::size_t>(reason)].add();
  std::string out;
  const auto outcome = refused();
  write_problem({http::status_of(reason), std::string(http::describe(reason)), {}},
                http::is_for_head(client_.unread()), {false, 1, rules_->hsts}, &outcome, out);
  record_refusal(http::status_of(reason), out);
  const bool sent = co_await client_.write(out, worker_.settings().timeouts.write);
  co_return sent ? Step::linger : Step::close;
}

void begin_session(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules,
                   std::unique_ptr<Transport::Layer> layer) {
  auto session = std::make_unique<Session>(worker, std::move(socket), std::move(peer), std::move(rules),
                                           std::move(layer));
  session.release()->begin();
}

}  // namespace larder::server
