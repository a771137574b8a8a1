#include "upstream/pool.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <sys/socket.h>

namespace larder::upstream {

namespace {

// A connection at rest has nothing to say: whatever can be read, the end included, means that it is of no
// use.
bool is_quiet(Socket& socket) noexcept {
  char byte;
  const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

Connection::Connection(Pool& pool, Socket socket)
    : pool_(pool), socket_(std::move(socket)), deadline_(pool.loop_.sweeper(), [this] {
        if (idle_) {
          auto& idle = pool_.idle_;
          const auto at =
              std::find_if(idle.begin(), idle.end(), [this](const auto& c) { return c.get() == this; });
          if (at != idle.end()) {
            // Not destroyed in its own callback.
            asio::post(pool_.loop_.executor(), [self = std::shared_ptr<Connection>(std::move(*at))] {});
            idle.erase(at);
          }
          return;
        }
        Error ignored;
        socket_.cancel(ignored);
      }) {
  place_ = pool_.live_.insert(pool_.live_.end(), this);
}

Connection::~Connection() {
  if (idle_)
    pool_.loop_.counters().upstream_idle.add(-1);
  else
    pool_.loop_.counters().upstream_busy.add(-1);
  Error ignored;
  socket_.close(ignored);
  pool_.live_.erase(place_);
  pool_.closed();
}

// A request that waits for a connection: handed one, or told that it may connect, or out of time.
struct Pool::Waiter {
  explicit Waiter(Loop& loop) : event(loop) {}
  Event event;
  std::unique_ptr<Connection> handed;
  bool may_connect = false;
};

Pool::Pool(Loop& loop, const settings::Upstream& upstream, unsigned share) : loop_(loop) {
  configure(upstream, share);
}

Pool::~Pool() {
  idle_.clear();
}

void Pool::configure(const settings::Upstream& upstream, unsigned share) {
  if (upstream.url != upstream_.url) {
    idle_.clear();
    resolved_.clear();
  }
  upstream_ = upstream;
  const auto loops = std::max(share, 1u);
  most_ = std::max<std::size_t>((upstream.connections + loops - 1) / loops, 1);
  most_queued_ = (upstream.queue + loops - 1) / loops;
}

std::unique_ptr<Connection> Pool::take_idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (!is_quiet(connection->socket_)) continue;
    connection->idle_ = false;
    connection->reused_ = true;
    connection->deadline_.clear();
    loop_.counters().upstream_idle.add(-1);
    loop_.counters().upstream_busy.add(1);
    return connection;
  }
  return nullptr;
}

void Pool::force() noexcept {
  forced_ = true;
  idle_.clear();
  for (auto* connection : live_) {
    Error ignored;
    connection->socket_.close(ignored);
  }
  for (auto* waiter : queue_) waiter->event.raise();
  queue_.clear();
}

Task<Acquired> Pool::acquire(bool fresh) {
  if (forced_) co_return Acquired{Failure{FailureKind::connect_failed, {}, "shutting down"}};
  if (!fresh) {
    if (auto connection = take_idle()) co_return Acquired{std::move(connection)};
  }
  if (open_ >= most_ && !idle_.empty())
    idle_.erase(idle_.begin());  // only with `fresh`: an idle one makes room
  if (open_ < most_) {
    ++open_;
    co_return co_await connect();
  }
  if (queue_.size() >= most_queued_) co_return Acquired{Failure{FailureKind::queue_full, {}, {}}};

  Waiter waiter(loop_);
  const auto place = queue_.insert(queue_.end(), &waiter);
  loop_.counters().upstream_queue.add(1);
  const bool woken = co_await waiter.event.wait_for(upstream_.queue_timeout);
  loop_.counters().upstream_queue.add(-1);
  if (!woken) {
    queue_.erase(place);
    co_return Acquired{Failure{FailureKind::queue_timeout, {}, {}}};
  }
  if (forced_) co_return Acquired{Failure{FailureKind::connect_failed, {}, "shutting down"}};
  if (waiter.may_connect) co_return co_await connect();
  if (fresh || !is_quiet(waiter.handed->socket_)) {
    ++open_;  // the place of the one that is closed here
    waiter.handed.reset();
    co_return co_await connect();
  }
  co_return Acquired{std::move(waiter.handed)};
}

void Pool::release(std::unique_ptr<Connection> connection) {
  connection->reused_ = true;
  connection->deadline_.clear();
  if (!queue_.empty()) {
    auto* waiter = queue_.front();
    queue_.pop_front();
    waiter->handed = std::move(connection);
    waiter->event.raise();
    return;
  }
  connection->idle_ = true;
  connection->deadline_.set(upstream_.keep_alive);
  loop_.counters().upstream_busy.add(-1);
  loop_.counters().upstream_idle.add(1);
  idle_.push_back(std::move(connection));
}

void Pool::closed() noexcept {
  --open_;
  wake_next();
}

void Pool::wake_next() noexcept {
  if (queue_.empty() || open_ >= most_) return;
  auto* waiter = queue_.front();
  queue_.pop_front();
  ++open_;  // reserved for the waiter
  waiter->may_connect = true;
  waiter->event.raise();
}

Task<std::variant<Pool::Endpoints, Failure>> Pool::resolve() {
  using Result = std::variant<Endpoints, Failure>;
  if (const auto* local = std::get_if<settings::UnixAddress>(&upstream_.address)) {
    auto path = local->path;
    if (path.starts_with('@')) path[0] = '\0';
    co_return Result{Endpoints{asio::local::stream_protocol::endpoint(path)}};
  }
  const auto now = Loop::now().mono;
  if (!resolved_.empty() && now - resolved_at_ < upstream_.resolve_interval) co_return Result{resolved_};

  const auto address = std::get<settings::TcpAddress>(upstream_.address);
  Error not_literal;
  const auto literal = asio::ip::make_address(address.host, not_literal);
  Endpoints found;
  if (!not_literal) {
    found.push_back(asio::ip::tcp::endpoint(literal, address.port));
  } else {
    // The look-up itself runs on Asio's own resolver thread; an answer that failed leaves the addresses known
    // so far.
    asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop_.executor());
    auto [error, results] =
        co_await resolver.async_resolve(address.host, std::to_string(address.port), as_result);
    if (error) {
      if (!resolved_.empty()) co_return Result{resolved_};
      co_return Result{Failure{FailureKind::resolve_failed, {}, error.message()}};
    }
    for (const auto& result : results) found.push_back(result.endpoint());
  }
  resolved_ = found;
  resolved_at_ = now;
  co_return Result{std::move(found)};
}

Task<Acquired> Pool::connect() {
  // The place in open_ is already taken: by a Connection from here on, or given back on failure.
  loop_.counters().upstream_busy.add(1);
  auto connection = std::make_unique<Connection>(*this, Socket(loop_.executor()));
  auto resolved = co_await resolve();
  if (auto* failure = std::get_if<Failure>(&resolved)) co_return Acquired{std::move(*failure)};

  Error error = asio::error::host_not_found;
  connection->deadline_.set(upstream_.connect_timeout);
  for (const auto& endpoint : std::get<Endpoints>(resolved)) {
    Error ignored;
    connection->socket_.close(ignored);
    auto [result] = co_await connection->socket_.async_connect(endpoint, as_result);
    error = result;
    if (!error) break;
    if (connection->deadline_.expired()) co_return Acquired{Failure{FailureKind::connect_timeout, {}, {}}};
  }
  if (error) {
    resolved_.clear();  // a name may have moved
    co_return Acquired{Failure{FailureKind::connect_failed, {}, error.message()}};
  }
  connection->deadline_.clear();
  Error ignored;
  connection->socket_.non_blocking(true, ignored);
  if (std::holds_alternative<settings::TcpAddress>(upstream_.address)) {
    connection->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  co_return Acquired{std::move(connection)};
}

}  // namespace larder::upstream
