// Connections to the API: reused while they live, bounded in number, with a bounded queue in front.
//
// Each loop has a pool of its own, with its share of `upstream.connections` and `upstream.queue`; nothing
// here is shared between threads. What readers wait for goes before what is fetched behind them, which has a
// bound of its own besides; a breaker stands before all of it. A Connection is owned by whoever uses it and
// comes back with `release`; destroying it closes it and lets the next in the queue connect. The Pool
// outlives its Connections.
#pragma once

#include "net/loop.hpp"
#include "settings/settings.hpp"
#include "upstream/breaker.hpp"
#include "upstream/failure.hpp"
#include "upstream/failure_log.hpp"
#include "upstream/resolver.hpp"

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace larder::upstream {

class Pool;

enum class Priority : std::uint8_t { foreground, background };

/// One request's claim to a connection.
struct Claim {
  Priority priority = Priority::foreground;
  void* waiting = nullptr;  // the Pool's own: its place in the queue
};

class Connection {
 public:
  Connection(Pool& pool, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Socket& socket() noexcept { return socket_; }
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }
  /// It has carried a request before, so the peer may have closed it since.
  [[nodiscard]] bool is_reused() const noexcept { return reused_; }

 private:
  friend class Pool;
  Pool& pool_;
  Socket socket_;
  Deadline deadline_;  // cancels what the socket is doing
  bool reused_ = false;
  bool idle_ = false;
  bool background_ = false;
  std::uint32_t era_;                       // Pool::era_ when it was begun
  std::list<Connection*>::iterator place_;  // in Pool::live_
};

using Acquired = std::variant<std::unique_ptr<Connection>, Failure>;

class Pool {
 public:
  /// `share` is the number of loops that divide the bounds among themselves.
  Pool(Loop& loop, const settings::Upstream& upstream, unsigned share);
  ~Pool();

  /// A pooled connection, or a new one (`fresh`: never a pooled one), or a place in the queue until there is
  /// one.
  /// `claim` lives until it has returned.
  [[nodiscard]] Task<Acquired> acquire(bool fresh, Claim& claim);
  /// Somebody waits for it now: from the background to the end of the foreground's queue.
  void promote(Claim& claim) noexcept;
  /// Takes back a connection on which nothing is outstanding.
  void release(std::unique_ptr<Connection> connection);

  /// For connections made from now on. Those to another address are closed: pooled ones now, those in use
  /// when they come back.
  void configure(const settings::Upstream& upstream, unsigned share);
  void close_idle() noexcept { idle_.clear(); }
  /// Ends everything: pooled connections, those in use, and requests that wait. Nothing is connected any
  /// more.
  void force() noexcept;

  /// How a request ended, for the breaker: with an answer of that status, or with a failure. One target that
  /// answers 503 again and again is no API in trouble: of its failures in a row one counts. `target` is a
  /// hash.
  void answered(int status, std::size_t target);
  void failed(const Failure& failure);

  [[nodiscard]] FailureLog& log() noexcept { return log_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const settings::Upstream& settings() const noexcept { return upstream_; }

 private:
  friend class Connection;
  struct Waiter;
  class Waking;

  [[nodiscard]] Task<Acquired> connect(Priority priority);
  [[nodiscard]] std::unique_ptr<Connection> take_idle(Priority priority);
  [[nodiscard]] Task<Acquired> wait_for_turn(bool fresh, Claim& claim);
  [[nodiscard]] bool may_begin(Priority priority) const noexcept;
  void ended(const Connection& connection) noexcept;
  void closed() noexcept;
  void wake_next() noexcept;
  void wake_all() noexcept;
  void follow_breaker(Breaker::State before) noexcept;

  Loop& loop_;
  settings::Upstream upstream_;
  std::size_t max_ = 1;  // connections
  std::size_t max_queued_ = 1;
  std::size_t max_background_ = 1;
  std::size_t open_ = 0;        // connected or connecting
  std::size_t busy_ = 0;        // of those, the ones that somebody has, or is about to get
  std::size_t background_ = 0;  // of those, the ones of the background
  Breaker breaker_;
  FailureLog log_;
  std::optional<std::size_t>
      last_refused_;  // the target of the last 502, 503 or 504, if no answer came since
  std::vector<std::unique_ptr<Connection>> idle_;  // most recently used last
  std::list<Waiter*> queue_;
  std::list<Waiter*> background_queue_;  // of the background: while nobody else waits
  std::list<Connection*> live_;          // every one there is
  std::uint32_t era_ = 0;                // counts changes of the address
  bool forced_ = false;
  bool waking_ = false;
  Resolver resolver_;
};

}  // namespace larder::upstream
