#include "server/session.hpp"

#include "server/reply.hpp"

#include <boost/asio/co_spawn.hpp>

namespace larder::server {

using State = http::GateResult::State;

namespace {

constexpr Millis patience_when_draining{1000};

}  // namespace

Session::Session(Worker& worker, Socket socket, std::string address)
    : worker_(worker), client_(worker.loop, std::move(socket), std::move(address)) {
  worker_.add(*this);
  worker_.loop.counters().connections.add(1);
}

Session::~Session() {
  if (turn_) turn_->exchange.reset();
  give_back_turn();
  worker_.remove(*this);
  worker_.loop.counters().connections.add(-1);
  worker_.shared.connections.fetch_sub(1, std::memory_order_relaxed);
}

// Whoever has only just come is given a moment: its request may be on the way.
void Session::drain() noexcept {
  if (!idle_) return;
  if (answered_ > 0)
    client_.cancel();
  else
    client_.deadline().set(patience_when_draining);
}

void Session::force() noexcept {
  client_.close();
}

void Session::give_back_turn() noexcept {
  if (turn_) worker_.turns->give_back(std::move(turn_));
}

// One deadline for the wait between requests, one for a head from its first byte on.
void Session::arm_read_deadline() {
  const auto& timeouts = worker_.settings().timeouts;
  idle_ = client_.unread().empty();
  if (idle_) {
    client_.give_back_buffer();
    give_back_turn();
    const bool draining = worker_.shared.draining.load(std::memory_order_relaxed);
    client_.deadline().set(draining ? std::min(patience_when_draining, timeouts.idle) : timeouts.idle);
  } else if (!begun_) {
    begun_ = true;
    client_.deadline().set(timeouts.head);
  }
}

Exchange::Done Session::answer_now(std::size_t head_size) {
  ++answered_;
  const auto bound = worker_.settings().limits.requests_per_connection;
  const bool last =
      (bound != 0 && answered_ >= bound) || worker_.shared.draining.load(std::memory_order_relaxed);
  const auto head_bytes = client_.unread().substr(0, head_size);
  const auto done = turn_->exchange.emplace(worker_, client_, turn_->head, head_bytes, last).try_now();
  if (done == Exchange::Done::not_yet) return done;
  turn_->exchange.reset();
  client_.consume(head_size);
  return done;
}

Task<void> Session::live(std::unique_ptr<Session> session) {
  auto& self = *session;
  auto& client = self.client_;
  Next next = Next::request;
  while (next == Next::request) {
    const auto unread = client.unread();
    http::GateResult result;
    if (!unread.empty()) {
      if (!self.turn_) self.turn_ = self.worker_.turns->lend();
      result = http::read_request(unread, self.worker_.settings().gate, self.turn_->head);
    }
    if (result.state == State::need_more) {
      const bool draining = self.worker_.shared.draining.load(std::memory_order_relaxed);
      if (unread.empty() && self.answered_ > 0 && draining) break;
      self.arm_read_deadline();
      const auto [error, bytes] = co_await client.landing();
      if (client.landed(error, bytes) != Client::Read::some) break;
      continue;
    }
    client.deadline().clear();
    self.begun_ = self.idle_ = false;
    if (result.state == State::refused) {
      next = co_await self.refuse(*result.refusal);
      break;
    }
    auto done = self.answer_now(result.head_size);
    if (done == Exchange::Done::not_yet) {
      done = co_await self.turn_->exchange->finish();
      self.turn_->exchange.reset();
    }
    if (done == Exchange::Done::close) next = Next::close;
    if (done == Exchange::Done::linger) next = Next::linger;
  }
  if (next == Next::linger) co_await client.linger();
  client.close();
}

Task<Session::Next> Session::refuse(http::Refusal reason) {
  auto& counters = worker_.loop.counters();
  counters.refused_requests[static_cast<std::size_t>(reason)].add();
  std::string out;
  write_problem({http::status_of(reason), std::string(http::describe(reason)), {}}, nullptr, false,
                {false, 1}, out);
  if (worker_.access_log.is_on()) {
    AccessRecord record;
    record.client = client_.address();
    record.method = "-";
    record.target = "-";
    record.status = http::status_of(reason);
    record.body_bytes = out.size() - (out.find("\r\n\r\n") + 4);
    worker_.access_log.append(record, Loop::now().wall);
  }
  const bool sent = co_await client_.write(out, worker_.settings().timeouts.write);
  co_return sent ? Next::linger : Next::close;
}

void begin_session(Worker& worker, Socket socket, std::string address) {
  auto session = std::make_unique<Session>(worker, std::move(socket), std::move(address));
  // An exception (out of memory, above all) ends this connection alone.
  asio::co_spawn(worker.loop.executor(), Session::live(std::move(session)), [](const std::exception_ptr&) {});
}

}  // namespace larder::server
