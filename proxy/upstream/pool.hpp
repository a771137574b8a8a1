// The connections of one loop to the API, which are reused.
//
// The Admission decides how many requests and connections there may be, over all loops; a Pool keeps the idle
// connections of its loop and creates new ones. A Connection is owned by the request that uses it and
// returned with `release`; destroying it closes it. Belongs to one loop. The Pool must outlive its
// Connections, and the Admission the Pool.
#pragma once

#include "net/loop.hpp"
#include "settings/settings.hpp"
#include "upstream/admission.hpp"
#include "upstream/connector.hpp"
#include "upstream/failure.hpp"
#include "upstream/failure_log.hpp"

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace larder::upstream {

class Pool;

class Connection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Connection(Pool& pool, ConnectionSlots::Slot slot, Admission::Permit permit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Transport& transport() noexcept { return transport_; }
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }
  /// The connection has been used before, so the API may have closed it since.
  [[nodiscard]] bool is_reused() const noexcept { return reused_; }

 private:
  friend class Pool;
  void begin_use(Admission::Permit permit) noexcept;
  void end_use() noexcept;
  void expire();

  Pool& pool_;
  ConnectionSlots::Slot slot_;
  std::optional<Admission::Permit> permit_;  // held while a request uses the connection
  Transport transport_;
  Deadline deadline_;  // cancels the transport's waits; closes the connection if it is idle
  bool reused_ = false;
  std::uint32_t generation_;             // Pool::generation_ at its creation
  std::uint32_t addresses_version_ = 0;  // see Connector::is_current
};

using Acquired = std::variant<std::unique_ptr<Connection>, Failure>;

class Pool {
 public:
  /// `connector`: nullptr = SystemConnector.
  Pool(Loop& loop, Admission& admission, const settings::Upstream& upstream,
       std::unique_ptr<Connector> connector = nullptr);
  ~Pool();

  /// Waits for a Permit, then returns an idle connection or, with `fresh` always, a new one. `claim` must
  /// live until this has returned.
  [[nodiscard]] Task<Acquired> acquire(bool fresh, Admission::Claim& claim);
  /// A client now waits for the background fetch.
  void promote(Admission::Claim& claim) noexcept { admission_.promote(claim); }
  /// Takes back a connection whose request and response are complete. It is closed if the API's name no
  /// longer has its address, as an idle one is before it is used.
  void release(std::unique_ptr<Connection> connection) noexcept;

  /// Applies to connections made from now on. If the address or the way to use TLS has changed, connections
  /// of before are closed: idle ones at once, others when they are released. `tls` nullptr = without TLS.
  void configure(const settings::Upstream& upstream, const std::shared_ptr<const tls::ClientContext>& tls);
  void close_idle() noexcept;
  /// Closes all connections and ends the requests that wait for one. No further connections are made.
  void force() noexcept;
  [[nodiscard]] bool is_forced() const noexcept { return forced_; }

  /// Reports how a request ended to the circuit breaker; see Admission.
  void responded(int status, std::size_t target);
  void failed(const Failure& failure, std::size_t target);

  /// When the API last responded to this loop; the epoch = not yet. Callable from any thread.
  [[nodiscard]] policy::MonoTime last_response() const noexcept {
    return policy::MonoTime(policy::MonoTime::duration(last_response_.load(std::memory_order_relaxed)));
  }

  [[nodiscard]] FailureLog& log() noexcept { return log_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const settings::Upstream& settings() const noexcept { return upstream_; }

 private:
  friend class Connection;

  [[nodiscard]] std::unique_ptr<Connection> take_idle(Admission::Permit& permit);
  [[nodiscard]] bool is_current(Connection& connection) noexcept;
  void close_claimed();
  void note(const Admission::Change& change);

  Loop& loop_;
  Admission& admission_;
  settings::Upstream upstream_;
  FailureLog log_;
  boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>> all_;
  std::vector<std::unique_ptr<Connection>> idle_;  // most recently used last
  ConnectionSlots::Idle idle_count_;               // of those
  std::uint32_t generation_ = 0;                   // number of changes of the address
  bool forced_ = false;
  std::atomic<policy::MonoTime::rep> last_response_{0};
  std::unique_ptr<Connector> connector_;
};

}  // namespace larder::upstream
