#include "upstream/pool.hpp"

#include "settings/scalar.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace larder::upstream {

Connection::Connection(Pool& pool, ConnectionSlots::Slot slot, Admission::Permit permit)
    : pool_(pool),
      slot_(std::move(slot)),
      transport_(pool.loop_),
      deadline_(pool.loop_.sweeper(), [this] { expire(); }),
      generation_(pool.generation_) {
  begin_use(std::move(permit));
  pool_.all_.push_back(*this);
}

Connection::~Connection() {
  transport_.close();
  end_use();
}

void Connection::begin_use(Admission::Permit permit) noexcept {
  permit_.emplace(std::move(permit));
  pool_.loop_.counters().upstream_busy.add(1);
}

void Connection::end_use() noexcept {
  if (!permit_) return;
  pool_.loop_.counters().upstream_busy.add(-1);
  permit_.reset();
}

void Connection::expire() {
  auto& idle = pool_.idle_;
  const auto at = std::find_if(idle.begin(), idle.end(), [this](const auto& c) { return c.get() == this; });
  if (at == idle.end()) {
    transport_.cancel();
    return;
  }
  // Destroyed later, as this runs in a callback of the connection.
  asio::post(pool_.loop_.executor(), [self = std::shared_ptr<Connection>(std::move(*at))] {});
  idle.erase(at);
  pool_.idle_count_.remove();
  pool_.loop_.counters().upstream_idle.add(-1);
}

Pool::Pool(Loop& loop, Admission& admission, const settings::Upstream& upstream,
           std::unique_ptr<Connector> connector)
    : loop_(loop),
      admission_(admission),
      idle_count_(admission.slots(), loop, [this] { close_claimed(); }),
      connector_(connector ? std::move(connector) : std::make_unique<SystemConnector>(loop)) {
  configure(upstream, nullptr);
}

Pool::~Pool() {
  close_idle();
}

void Pool::configure(const settings::Upstream& upstream,
                     const std::shared_ptr<const tls::ClientContext>& tls) {
  connector_->set_tls(tls);
  if (upstream.url != upstream_.url || upstream.tls != upstream_.tls) {
    close_idle();
    connector_->forget();
    ++generation_;
  }
  upstream_ = upstream;
  admission_.configure(upstream);
}

void Pool::close_idle() noexcept {
  while (!idle_.empty()) {
    idle_count_.remove();
    loop_.counters().upstream_idle.add(-1);
    idle_.pop_back();
  }
}

void Pool::close_claimed() {
  while (idle_count_.take_claimed()) {
    loop_.counters().upstream_idle.add(-1);
    idle_.erase(idle_.begin());
  }
}

void Pool::force() noexcept {
  forced_ = true;
  close_idle();
  for (auto& connection : all_) {
    connection.transport_.close();
  }
  admission_.close();
}

// `permit` is moved into the connection if there is one.
std::unique_ptr<Connection> Pool::take_idle(Admission::Permit& permit) {
  while (idle_count_.take()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    loop_.counters().upstream_idle.add(-1);
    connection->deadline_.clear();
    if (!connection->transport_.is_reusable() || !is_current(*connection)) continue;
    connection->reused_ = true;
    connection->begin_use(std::move(permit));
    return connection;
  }
  return nullptr;
}

bool Pool::is_current(Connection& connection) noexcept {
  try {
    return connector_->is_current(connection.transport_, upstream_, connection.addresses_version_);
  } catch (const std::exception&) {  // out of memory
    return true;
  }
}

Task<Acquired> Pool::acquire(bool fresh, Admission::Claim& claim) {
  if (forced_) co_return Acquired{Failure{FailureKind::shutting_down, {}, {}}};
  auto entered = co_await admission_.enter(loop_, claim, upstream_.queue_timeout);
  if (auto* failure = std::get_if<Failure>(&entered)) co_return Acquired{std::move(*failure)};
  auto permit = std::move(std::get<Admission::Permit>(entered));
  if (!fresh) {
    if (auto connection = take_idle(permit)) co_return Acquired{std::move(connection)};
  }
  auto slot = co_await admission_.slots().acquire(loop_, idle_count_, upstream_.connect_timeout);
  if (forced_) co_return Acquired{Failure{FailureKind::shutting_down, {}, {}}};
  if (!slot) co_return Acquired{Failure{FailureKind::queue_timeout, {}, {}}};
  auto connection = std::make_unique<Connection>(*this, std::move(*slot), std::move(permit));
  auto failure = co_await connector_->connect(connection->transport_, connection->deadline_, upstream_,
                                              upstream_.connect_timeout);
  if (forced_) co_return Acquired{Failure{FailureKind::shutting_down, {}, {}}};
  if (failure) co_return Acquired{std::move(*failure)};
  co_return Acquired{std::move(connection)};
}

void Pool::release(std::unique_ptr<Connection> connection) noexcept {
  try {
    if (idle_.size() == idle_.capacity()) idle_.reserve(2 * idle_.size() + 8);
  } catch (const std::bad_alloc&) {
    return;  // it is closed
  }
  // The connection becomes idle before its permit is released, so that the next request of this loop finds
  // it.
  if (connection->generation_ != generation_ || !is_current(*connection) || !idle_count_.add()) return;
  auto& idle = *connection;
  idle.reused_ = true;
  idle.deadline_.set(upstream_.keep_alive);
  loop_.counters().upstream_idle.add(1);
  idle_.push_back(std::move(connection));
  idle.end_use();
}

void Pool::responded(int status, std::size_t target) {
  last_response_.store(loop_.now().mono.time_since_epoch().count(), std::memory_order_relaxed);
  note(admission_.responded(status, target, loop_.now().mono));
}

void Pool::failed(const Failure& failure, std::size_t target) {
  note(admission_.failed(failure, target, loop_.now().mono));
}

void Pool::note(const Admission::Change& change) {
  const auto is_open = [](Breaker::State state) {
    return state == Breaker::State::open || state == Breaker::State::probing;
  };
  // Each change is reported once, to one of the loops, so the sum over the loops is 0 or 1.
  if (is_open(change.before) != is_open(change.after))
    loop_.counters().breakers_open.add(is_open(change.after) ? 1 : -1);
  if (change.before == change.after) return;
  if (change.after == Breaker::State::open) {
    loop_.counters().breaker_opened.add();
    if (change.before == Breaker::State::closed)
      log_.say(fmt::format("circuit breaker opened for {} after {} failures; next probe in {}", upstream_.url,
                           upstream_.breaker_failures, settings::format_duration(upstream_.breaker_wait)));
  } else if (change.after == Breaker::State::recovering) {
    log_.say("circuit breaker closes for " + upstream_.url + ": it responds again");
  }
}

}  // namespace larder::upstream
