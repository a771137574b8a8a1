#include "upstream/pool.hpp"

#include <boost/asio/ip/tcp.hpp>
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
    : pool_(pool),
      socket_(std::move(socket)),
      deadline_(
          pool.loop_.sweeper(),
          [this] {
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
          }),
      era_(pool.era_) {
  place_ = pool_.live_.insert(pool_.live_.end(), this);
}

Connection::~Connection() {
  if (idle_)
    pool_.loop_.counters().upstream_idle.add(-1);
  else
    pool_.ended(*this);
  Error ignored;
  socket_.close(ignored);
  pool_.live_.erase(place_);
  pool_.closed();
}

// A request that waits for its turn: handed a connection, told that it may connect, or refused.
struct Pool::Waiter {
  Waiter(Loop& loop, Priority its_priority) : event(loop), priority(its_priority) {}
  Event event;
  Priority priority;
  std::list<Waiter*>::iterator place;
  bool waits = true;  // it is in one of the queues
  bool refused = false;
  std::unique_ptr<Connection> handed;
};

// Closing a connection wakes others; not while that is being done already.
class Pool::Waking {
 public:
  explicit Waking(Pool& pool) : pool_(pool) { pool_.waking_ = true; }
  Waking(const Waking&) = delete;
  Waking& operator=(const Waking&) = delete;
  ~Waking() { pool_.waking_ = false; }

 private:
  Pool& pool_;
};

Pool::Pool(Loop& loop, const settings::Upstream& upstream, unsigned share) : loop_(loop), resolver_(loop) {
  configure(upstream, share);
}

Pool::~Pool() {
  idle_.clear();
}

void Pool::configure(const settings::Upstream& upstream, unsigned share) {
  if (upstream.url != upstream_.url) {
    idle_.clear();
    resolver_.forget();
    ++era_;
  }
  upstream_ = upstream;
  const auto loops = std::max(share, 1u);
  max_ = std::max<std::size_t>((upstream.connections + loops - 1) / loops, 1);
  max_queued_ = (upstream.queue + loops - 1) / loops;
  max_background_ = std::max<std::size_t>((upstream.background_connections + loops - 1) / loops, 1);
  breaker_.configure({upstream.breaker_failures, upstream.breaker_wait, upstream.breaker_longest_wait, max_});
}

std::unique_ptr<Connection> Pool::take_idle(Priority priority) {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (!is_quiet(connection->socket_)) continue;
    connection->idle_ = false;
    connection->reused_ = true;
    connection->background_ = priority == Priority::background;
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
  wake_all();
}

// Everybody who waits is told to give up.
void Pool::wake_all() noexcept {
  for (auto* queue : {&queue_, &background_queue_}) {
    for (auto* waiter : *queue) {
      waiter->waits = false;
      waiter->refused = true;
      waiter->event.raise();
    }
    queue->clear();
  }
}

bool Pool::may_begin(Priority priority) const noexcept {
  if (busy_ >= std::min(max_, breaker_.allowance())) return false;
  return priority == Priority::foreground || background_ < max_background_;
}

Task<Acquired> Pool::acquire(bool fresh, Claim& claim) {
  if (forced_) co_return Acquired{Failure{FailureKind::connect_failed, {}, "shutting down"}};
  const auto before = breaker_.state();
  const bool admitted = breaker_.admits(Loop::now().mono);
  follow_breaker(before);
  if (!admitted) co_return Acquired{Failure{FailureKind::breaker_open, {}, {}}};

  // Nobody overtakes those who wait already.
  const bool first =
      claim.priority == Priority::foreground ? queue_.empty() : queue_.empty() && background_queue_.empty();
  if (!first || !may_begin(claim.priority)) co_return co_await wait_for_turn(fresh, claim);
  ++busy_;
  if (claim.priority == Priority::background) ++background_;
  if (!fresh) {
    if (auto connection = take_idle(claim.priority)) co_return Acquired{std::move(connection)};
  }
  if (open_ >= max_ && !idle_.empty()) {
    const Waking alone(*this);  // the room is for this one
    idle_.erase(idle_.begin());
  }
  ++open_;
  co_return co_await connect(claim.priority);
}

Task<Acquired> Pool::wait_for_turn(bool fresh, Claim& claim) {
  auto& queue = claim.priority == Priority::foreground ? queue_ : background_queue_;
  if (queue.size() >= max_queued_) co_return Acquired{Failure{FailureKind::queue_full, {}, {}}};
  Waiter waiter(loop_, claim.priority);
  waiter.place = queue.insert(queue.end(), &waiter);
  claim.waiting = &waiter;
  loop_.counters().upstream_queue.add(1);
  const bool woken = co_await waiter.event.wait_for(upstream_.queue_timeout);
  loop_.counters().upstream_queue.add(-1);
  claim.waiting = nullptr;
  claim.priority = waiter.priority;
  if (!woken) {
    // Woken in the moment that the time ran out: the turn is its own all the same.
    if (waiter.waits) {
      (waiter.priority == Priority::foreground ? queue_ : background_queue_).erase(waiter.place);
      co_return Acquired{Failure{FailureKind::queue_timeout, {}, {}}};
    }
  }
  if (forced_) co_return Acquired{Failure{FailureKind::connect_failed, {}, "shutting down"}};
  if (waiter.refused) co_return Acquired{Failure{FailureKind::breaker_open, {}, {}}};
  if (waiter.handed) {
    if (!fresh && is_quiet(waiter.handed->socket_)) co_return Acquired{std::move(waiter.handed)};
    // Its place is kept; the connection is of no use here.
    ++busy_;
    if (waiter.priority == Priority::background) ++background_;
    ++open_;
    waiter.handed.reset();
  }
  co_return co_await connect(waiter.priority);
}

void Pool::promote(Claim& claim) noexcept {
  claim.priority = Priority::foreground;
  auto* waiter = static_cast<Waiter*>(claim.waiting);
  if (waiter == nullptr || !waiter->waits || waiter->priority == Priority::foreground) return;
  waiter->priority = Priority::foreground;
  queue_.splice(queue_.end(), background_queue_, waiter->place);
  wake_next();
}

// The connection is nobody's any more.
void Pool::ended(const Connection& connection) noexcept {
  loop_.counters().upstream_busy.add(-1);
  --busy_;
  if (connection.background_) --background_;
}

void Pool::release(std::unique_ptr<Connection> connection) {
  if (connection->era_ != era_) return;
  ended(*connection);
  connection->reused_ = true;
  connection->background_ = false;
  connection->idle_ = true;
  connection->deadline_.set(upstream_.keep_alive);
  loop_.counters().upstream_idle.add(1);
  idle_.push_back(std::move(connection));
  wake_next();
}

void Pool::closed() noexcept {
  --open_;
  wake_next();
}

void Pool::wake_next() noexcept {
  if (waking_) return;
  const Waking guard(*this);
  for (;;) {
    const bool ahead = !queue_.empty();
    auto& queue = ahead ? queue_ : background_queue_;
    const auto priority = ahead ? Priority::foreground : Priority::background;
    if (queue.empty() || !may_begin(priority)) return;
    auto* waiter = queue.front();
    auto connection = take_idle(priority);
    if (!connection) {
      if (open_ >= max_) return;
      ++open_;  // reserved for the waiter
    }
    queue.pop_front();
    ++busy_;
    if (priority == Priority::background) ++background_;
    waiter->waits = false;
    waiter->handed = std::move(connection);
    waiter->event.raise();
  }
}

void Pool::answered(int status, std::size_t target) {
  if (status == 502 || status == 503 || status == 504) {
    const bool again = last_refused_ == target && breaker_.state() == Breaker::State::closed;
    last_refused_ = target;
    if (!again) failed({FailureKind::connect_failed, {}, {}});
    return;
  }
  last_refused_.reset();
  const auto before = breaker_.state();
  breaker_.succeeded();
  follow_breaker(before);
  if (breaker_.state() != Breaker::State::closed || before != Breaker::State::closed) wake_next();
}

void Pool::failed(const Failure& failure) {
  if (!failure.is_of_the_api()) return;
  const auto before = breaker_.state();
  const bool opened = breaker_.failed(Loop::now().mono);
  follow_breaker(before);
  if (opened) wake_all();
}

void Pool::follow_breaker(Breaker::State before) noexcept {
  const auto is_open = [](Breaker::State state) {
    return state == Breaker::State::open || state == Breaker::State::probing;
  };
  const auto now = breaker_.state();
  if (is_open(before) != is_open(now)) loop_.counters().breakers_open.add(is_open(now) ? 1 : -1);
  if (before == now) return;
  if (now == Breaker::State::open) {
    loop_.counters().breaker_opened.add();
    if (before == Breaker::State::closed)
      log_.say("the upstream does not answer: nothing but a probe now and then is sent to it");
  } else if (now == Breaker::State::recovering) {
    log_.say("the upstream answers again");
  }
}

Task<Acquired> Pool::connect(Priority priority) {
  // The places in open_ and busy_ are already taken: by a Connection from here on, or given back on failure.
  loop_.counters().upstream_busy.add(1);
  auto connection = std::make_unique<Connection>(*this, Socket(loop_.executor()));
  connection->background_ = priority == Priority::background;
  const auto began = Loop::now().mono;
  const auto timeout = upstream_.connect_timeout;
  auto resolved = co_await resolver_.resolve(upstream_, timeout);
  if (auto* failure = std::get_if<Failure>(&resolved)) co_return Acquired{std::move(*failure)};
  if (forced_) co_return Acquired{Failure{FailureKind::connect_failed, {}, "shutting down"}};

  Error error = asio::error::host_not_found;
  connection->deadline_.set(std::max(timeout - (Loop::now().mono - began), Millis{1}));
  for (const auto& endpoint : std::get<Resolver::Endpoints>(resolved)) {
    Error ignored;
    connection->socket_.close(ignored);
    auto [result] = co_await connection->socket_.async_connect(endpoint, as_result);
    error = result;
    if (!error) break;
    if (connection->deadline_.expired()) co_return Acquired{Failure{FailureKind::connect_timeout, {}, {}}};
  }
  if (error) {
    resolver_.distrust();  // a name may have moved
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
