// One loop's connections to the API, reused while they live.
//
// How many requests and connections there may be, over all loops, is decided by the Admission; a Pool keeps
// the idle connections of its loop and makes new ones. A Connection is owned by the request that uses it, and
// given back with `release`; destroying it closes it. Threading: of one loop. The Pool outlives its
// Connections, the Admission outlives the Pool.
#pragma once

#include "net/loop.hpp"
#include "settings/settings.hpp"
#include "upstream/admission.hpp"
#include "upstream/failure.hpp"
#include "upstream/failure_log.hpp"
#include "upstream/resolver.hpp"

#include <boost/intrusive/list.hpp>

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace larder::upstream {

class Pool;

class Connection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Connection(Pool& pool, Admission::Slot slot, Admission::Permit permit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Socket& socket() noexcept { return socket_; }
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }
  /// It has carried a request before, so the peer may have closed it since.
  [[nodiscard]] bool is_reused() const noexcept { return reused_; }

 private:
  friend class Pool;
  void begin_use(Admission::Permit permit) noexcept;
  void end_use() noexcept;
  void expire();

  Pool& pool_;
  Admission::Slot slot_;
  std::optional<Admission::Permit> permit_;  // while a request uses it
  Socket socket_;
  Deadline deadline_;  // cancels what the socket is doing; of an idle one, closes it
  bool reused_ = false;
  std::uint32_t generation_;  // Pool::generation_ when it was made
};

using Acquired = std::variant<std::unique_ptr<Connection>, Failure>;

class Pool {
 public:
  Pool(Loop& loop, Admission& admission, const settings::Upstream& upstream);
  ~Pool();

  /// An idle connection, or a new one (`fresh`: never an idle one); waits for its turn first. `claim` lives
  /// until it has returned.
  [[nodiscard]] Task<Acquired> acquire(bool fresh, Admission::Claim& claim);
  /// A reader waits for the background fetch now.
  void promote(Admission::Claim& claim) noexcept { admission_.promote(claim); }
  /// Takes back a connection on which nothing is outstanding.
  void release(std::unique_ptr<Connection> connection);

  /// For connections made from now on. Those to another address are closed: idle ones now, those in use when
  /// they come back.
  void configure(const settings::Upstream& upstream);
  void close_idle() noexcept;
  /// Closes every connection, and ends the requests that wait for one. No connection is made any more.
  void force() noexcept;

  /// How a request ended, for the circuit breaker: see Admission.
  void responded(int status, std::size_t target);
  void failed(const Failure& failure);

  [[nodiscard]] FailureLog& log() noexcept { return log_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const settings::Upstream& settings() const noexcept { return upstream_; }

 private:
  friend class Connection;

  [[nodiscard]] Task<std::optional<Failure>> connect(Connection& connection);
  [[nodiscard]] std::unique_ptr<Connection> take_idle(Admission::Permit& permit);
  void close_claimed();
  void note(const Admission::Change& change);

  Loop& loop_;
  Admission& admission_;
  settings::Upstream upstream_;
  FailureLog log_;
  boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>> all_;
  std::vector<std::unique_ptr<Connection>> idle_;  // most recently used last
  Admission::Idle idle_count_;                     // of those
  std::uint32_t generation_ = 0;                   // counts changes of the address
  bool forced_ = false;
  Resolver resolver_;
};

}  // namespace larder::upstream
