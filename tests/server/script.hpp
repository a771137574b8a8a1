// Scripted connections for one Worker: no network, simulated time, and a failure at any chosen step.
//
// A step is an attempt to connect, to read or to write, or a wait, of a client's connection or of one to the
// API. The step with the number that `Steps` was given fails; every other one works. Nothing runs but what
// `Script::settle` runs.
#pragma once

#include "../catch.hpp"
#include "../failing_allocation.hpp"
#include "net/transport.hpp"
#include "server/session.hpp"
#include "server/worker.hpp"
#include "settings/load.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace larder::test {

class Steps {
 public:
  /// 0: none fails.
  explicit Steps(std::size_t failing = 0) : failing_(failing) {}
  [[nodiscard]] bool fails() noexcept { return ++taken_ == failing_; }
  /// From now on none fails.
  void stop() noexcept { failing_ = 0; }
  /// Whether the failing step was reached.
  [[nodiscard]] bool has_failed() const noexcept { return failing_ != 0 && taken_ >= failing_; }

 private:
  std::size_t failing_;
  std::size_t taken_ = 0;
};

/// The state of one connection, which the script keeps after larder has closed it.
struct Wire {
  explicit Wire(Loop& loop) : changed(loop) {}
  std::string to_larder;                  // not read yet
  std::string from_larder;                // everything that was written
  bool ends = false;                      // the peer has closed its sending side
  bool is_broken = false;                 // the peer has reset the connection
  std::size_t writes_before_reading = 0;  // as in a handshake
  bool is_closed = false;                 // larder has closed the connection
  bool is_cancelled = false;
  std::function<void(Wire&)> on_write;
  Event changed;
};

class ScriptedLayer final : public Transport::Layer {
 public:
  ScriptedLayer(std::shared_ptr<Wire> wire, Steps& steps) : wire_(std::move(wire)), steps_(steps) {}

  Io read_some(std::span<char> room) noexcept override {
    if (steps_.fails()) return broken();
    const UncountedAllocations uncounted;
    auto& bytes = wire_->to_larder;
    if (wire_->writes_before_reading > 0) {
      --wire_->writes_before_reading;
      return {Io::State::want_write};
    }
    if (bytes.empty()) return {wire_->ends ? Io::State::end : Io::State::want_read};
    const auto size = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), size, room.begin());
    bytes.erase(0, size);
    return {Io::State::some, !bytes.empty() || wire_->ends, 0, size};
  }
  Io write_some(Transport::Pieces pieces) noexcept override {
    if (steps_.fails()) return broken();
    const UncountedAllocations uncounted;
    std::size_t size = 0;
    for (const auto& piece : pieces) {
      wire_->from_larder.append(static_cast<const char*>(piece.data()), piece.size());
      size += piece.size();
    }
    if (wire_->on_write) wire_->on_write(*wire_);
    return {Io::State::some, false, 0, size};
  }
  Task<Error> wait(Transport& /*below*/, Transport::Wait what) override {
    if (steps_.fails()) co_return asio::error::connection_reset;
    const auto wire = wire_;  // the layer may be gone when the wait ends
    if (what == Transport::Wait::write) co_return Error{};
    if (what == Transport::Wait::broken) {
      while (!wire->is_broken && !wire->is_cancelled && !wire->is_closed) co_await wire->changed.wait();
      co_return wire->is_broken ? Error{} : asio::error::operation_aborted;
    }
    while (wire->to_larder.empty() && !wire->ends && !wire->is_cancelled && !wire->is_closed)
      co_await wire->changed.wait();
    const bool is_cancelled = std::exchange(wire->is_cancelled, false);
    if (is_cancelled || wire->is_closed) co_return asio::error::operation_aborted;
    co_return Error{};
  }
  void cancel(Transport& /*below*/) noexcept override {
    wire_->is_cancelled = true;
    wire_->changed.raise();
  }
  void shutdown_write(Transport& /*below*/) noexcept override {}
  bool is_quiet(Transport& /*below*/) noexcept override { return wire_->to_larder.empty() && !wire_->ends; }
  bool has_ended(Transport& /*below*/) noexcept override { return wire_->to_larder.empty() && wire_->ends; }
  void close() noexcept override {
    wire_->is_closed = true;
    wire_->changed.raise();
  }

 private:
  static Io broken() noexcept { return {Io::State::failed, false, ECONNRESET}; }

  std::shared_ptr<Wire> wire_;
  Steps& steps_;
};

/// The API: answers each request by its first line. A request without an answer is never answered.
class ScriptedConnector final : public upstream::Connector {
 public:
  ScriptedConnector(Loop& loop, Steps*& steps) : loop_(loop), steps_(steps) {}

  /// Answers by "METHOD /target"; with `ends`, the connection ends behind the answer.
  struct Answer {
    std::string bytes;
    bool ends = false;
  };
  std::map<std::string, Answer> answers;
  std::vector<std::string> requests;  // their first lines, without the version
  std::string last_head;              // of the last request, whole
  /// An answer to the last request, which had none.
  void answer_late(const std::string& bytes) {
    last_->to_larder += bytes;
    last_->changed.raise();
  }
  std::size_t connects = 0;
  std::uint32_t version = 0;  // of the addresses; a connection of an earlier one is not current

  Task<std::optional<upstream::Failure>> connect(Transport& transport, Deadline& /*deadline*/,
                                                 const settings::Upstream& /*upstream*/,
                                                 Millis /*timeout*/) override {
    if (steps_->fails()) co_return upstream::Failure{upstream::FailureKind::connect_failed, {}, "scripted"};
    const UncountedAllocations uncounted;
    ++connects;
    auto wire = std::make_shared<Wire>(loop_);
    wire->on_write = [this](Wire& its) { answer(its); };
    last_ = wire;
    transport.set_layer(std::make_unique<ScriptedLayer>(std::move(wire), *steps_));
    co_return std::nullopt;
  }

 private:
  void answer(Wire& wire) {
    for (;;) {
      const auto end = wire.from_larder.find("\r\n\r\n");
      if (end == std::string::npos) return;
      const auto line = wire.from_larder.substr(0, wire.from_larder.find(" HTTP/1.1"));
      last_head = wire.from_larder.substr(0, end + 4);
      wire.from_larder.erase(0, end + 4);
      requests.push_back(line);
      const auto found = answers.find(line);
      if (found == answers.end()) continue;
      wire.to_larder += found->second.bytes;
      wire.ends = found->second.ends;
      wire.changed.raise();
    }
  }

  Loop& loop_;
  Steps*& steps_;
  std::shared_ptr<Wire> last_;
};

/// A Worker with scripted connections.
class Script {
 public:
  /// `routes` is the configuration's list of routes.
  explicit Script(const std::string& routes) : plan(plan_of(routes)) {
    const auto& settings = plan->settings;
    shared = std::make_unique<server::Shared>(*settings);
    shared->admission.configure(settings->upstream);
    // The connector needs the loop, which is the worker's.
    server::Worker::Seams seams;
    seams.clock = &clock;
    auto late = std::make_unique<LateConnector>();
    auto& its = *late;
    seams.connector = std::move(late);
    worker = std::make_unique<server::Worker>(0, *shared, plan, nullptr, std::move(seams));
    its.api = std::make_unique<ScriptedConnector>(worker->loop, steps);
    api = its.api.get();
    shared->cache.refresh_scheduler().start(worker->loop, [this] {
      return cache::RefreshScheduler::Dependencies{
          {worker->loop, worker->pool, worker->workspace, shared->cache}, plan, [](const auto&) {
            return nullptr;
          }};
    });
  }
  ~Script() {
    worker->force();
    worker->pool.force();
    settle();
    shared->cache.refresh_scheduler().leave_loop();
    for (const int peer : peers_) ::close(peer);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// As the server does it.
  void reload(const std::string& routes) {
    plan = plan_of(routes);
    worker->adopt(plan, nullptr);
    shared->cache.shorten_lifetimes(plan->settings);
    settle();
  }
  /// A client that has sent `bytes`. With `ends` it has closed its sending side.
  std::shared_ptr<Wire> client(std::string bytes, bool ends = false, std::size_t writes_before_reading = 0) {
    auto wire = std::make_shared<Wire>(worker->loop);
    wire->writes_before_reading = writes_before_reading;
    wire->to_larder = std::move(bytes);
    wire->ends = ends;
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    peers_.push_back(pair[1]);
    Socket socket(worker->loop.executor(), StreamProtocol(AF_UNIX, 0), pair[0]);
    worker->shared.connections.fetch_add(1);
    server::begin_session(*worker, std::move(socket), {"192.0.2.1", 80},
                          std::make_shared<server::ListenerRules>(),
                          std::make_unique<ScriptedLayer>(wire, *steps));
    announce();
    return wire;
  }
  /// What `wire`'s client sends further.
  void send(Wire& wire, const std::string& bytes) {
    wire.to_larder += bytes;
    wire.changed.raise();
    announce();
  }
  /// Runs whatever can run.
  void settle() {
    auto& io = worker->loop.io();
    io.restart();
    const FailingAllocation failing(allocations_left);
    for (bool more = true; more;) {
      try {
        more = io.poll() > 0;
      } catch (const std::bad_alloc&) {
        // As in server.cpp: of a handler that could not start an operation. That one alone is lost.
      }
    }
    allocations_left = FailingAllocation::remaining();
  }
  /// Runs whatever can run within that much simulated time.
  void settle_for(Millis time) {
    for (Millis passed{0}; passed < time; passed += Millis{100}) {
      settle();
      worker->loop.advance(Millis{100});
    }
    settle();
  }
  /// That allocation of what `settle` runs fails; 0 = none.
  std::size_t allocations_left = 0;
  [[nodiscard]] const Counters& counters() const { return worker->loop.counters_view(); }

  SimulatedClock clock;
  Steps all_work;
  Steps* steps = &all_work;  // of the connections made from now on
  std::shared_ptr<const cache::Plan> plan;
  std::unique_ptr<server::Shared> shared;
  std::unique_ptr<server::Worker> worker;
  ScriptedConnector* api = nullptr;

 private:
  static std::shared_ptr<const cache::Plan> plan_of(const std::string& routes) {
    const auto loaded = settings::load("upstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n" + routes, "f");
    for (const auto& problem : loaded.problems) UNSCOPED_INFO(problem.text());
    REQUIRE(loaded.settings);
    std::string error;
    auto made = cache::make_plan(loaded.settings, error);
    REQUIRE(made);
    return made;
  }
  struct LateConnector final : upstream::Connector {
    std::unique_ptr<ScriptedConnector> api;
    Task<std::optional<upstream::Failure>> connect(Transport& transport, Deadline& deadline,
                                                   const settings::Upstream& upstream,
                                                   Millis timeout) override {
      return api->connect(transport, deadline, upstream, timeout);
    }
    bool is_current(Transport& /*transport*/, const settings::Upstream& /*upstream*/,
                    std::uint32_t& version) override {
      return version == api->version;
    }
  };
  // Sessions learn of input by their descriptors.
  void announce() {
    for (const int peer : peers_) (void)::send(peer, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  std::vector<int> peers_;
};

}  // namespace larder::test
