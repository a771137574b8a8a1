#include "server/session.hpp"

#include "server/exchange.hpp"
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

// One deadline for the wait between requests, one for a head from its first byte on.
void Session::arm_read_deadline() {
  const auto& timeouts = worker_.settings().timeouts;
  idle_ = client_.unread().empty();
  if (idle_) {
    client_.give_back_buffer();
    const bool draining = worker_.shared.draining.load(std::memory_order_relaxed);
    client_.deadline().set(draining ? std::min(patience_when_draining, timeouts.idle) : timeouts.idle);
  } else if (!begun_) {
    begun_ = true;
    client_.deadline().set(timeouts.head);
  }
}

Task<void> Session::run() {
  Next next = Next::request;
  while (next == Next::request) {
    const auto unread = client_.unread();
    const auto result =
        unread.empty() ? http::GateResult{} : http::read_request(unread, worker_.settings().gate, head_);
    if (result.state == State::need_more) {
      if (unread.empty() && answered_ > 0 && worker_.shared.draining.load(std::memory_order_relaxed)) break;
      arm_read_deadline();
      auto [error] = co_await client_.readable();
      if (error) break;
      const auto read = client_.read_now();
      if (read == Client::Read::end || read == Client::Read::failed) break;
      continue;
    }
    client_.deadline().clear();
    begun_ = idle_ = false;
    if (result.state == State::refused) {
      next = co_await refuse(*result.refusal);
      break;
    }

    ++answered_;
    const auto bound = worker_.settings().limits.requests_per_connection;
    const bool last =
        (bound != 0 && answered_ >= bound) || worker_.shared.draining.load(std::memory_order_relaxed);
    Exchange exchange(worker_, client_, head_, unread.substr(0, result.head_size), last);
    auto done = exchange.try_now();
    if (done == Exchange::Done::not_yet)
      done = co_await exchange.finish();
    else
      client_.consume(result.head_size);
    if (done == Exchange::Done::close) next = Next::close;
    if (done == Exchange::Done::linger) next = Next::linger;
  }
  if (next == Next::linger) co_await client_.linger();
  client_.close();
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
    worker_.access_log.append(record, Loop::now().wall);
  }
  const bool sent = co_await client_.write(out, worker_.settings().timeouts.write);
  co_return sent ? Next::linger : Next::close;
}

namespace {

Task<void> live(std::unique_ptr<Session> session) {
  co_await session->run();
}

}  // namespace

void begin_session(Worker& worker, Socket socket, std::string address) {
  auto session = std::make_unique<Session>(worker, std::move(socket), std::move(address));
  // An exception (out of memory, above all) ends this connection alone.
  asio::co_spawn(worker.loop.executor(), live(std::move(session)), [](const std::exception_ptr&) {});
}

}  // namespace larder::server
