#include "server/server.hpp"

#include "server/balanced.hpp"
#include "server/descriptors.hpp"
#include "server/listening.hpp"
#include "server/reply.hpp"
#include "server/restore.hpp"
#include "server/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <unistd.h>

namespace larder::server {

namespace {

constexpr Millis poll_interval{10};  // between checks whether all connections have ended
constexpr Millis force_time{3000};   // for tasks to end after their connections were closed

// An unexpected exception ends the process, which the service manager restarts. Otherwise a listener would
// end unnoticed.
void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

unsigned loop_count(const settings::Settings& settings) {
  return settings.loops != 0 ? settings.loops : std::max(std::thread::hardware_concurrency(), 1u);
}

std::vector<std::unique_ptr<Worker>> make_workers(Shared& shared,
                                                  const std::shared_ptr<const cache::Plan>& plan,
                                                  const std::shared_ptr<LogSink>& sink) {
  const auto loops = loop_count(*plan->settings);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < loops; ++i) workers.push_back(std::make_unique<Worker>(i, shared, plan, sink));
  return workers;
}

}  // namespace

Server::Server(std::shared_ptr<const cache::Plan> plan)
    : shared_(*plan->settings),
      plan_(std::move(plan)),
      log_sink_(plan_->settings->access_log == settings::AccessLog::off ? nullptr
                                                                        : std::make_shared<LogSink>()),
      workers_(make_workers(shared_, plan_, log_sink_)),
      prefetcher_(*workers_.front()) {
  auto& first = *workers_.front();
  shared_.cache.refresh_scheduler().start(first.loop, [&first] {
    const auto counters_of = [&first](const settings::Route& route) {
      return first.view_of(&route).counters;
    };
    return cache::RefreshScheduler::Dependencies{first.resources(), first.plan(), counters_of};
  });
  restore(shared_, plan_->settings);
}

Server::~Server() {
  if (shared_.archive) shared_.archive->detach();
  listening_.clear();
  shared_.cache.refresh_scheduler().leave_loop();
  for (const auto& place : places_) {
    if (const auto& path = place.bound.front().unix_path; !path.empty()) ::unlink(path.c_str());
  }
}

std::optional<std::string> Server::listen() {
  if (log_sink_) {
    if (auto error = log_sink_->set_file(plan_->settings->access_log_file)) return error;
  }
  for (const auto& listener : plan_->settings->listen) {
    auto bound = bind_place(listener);
    if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
    places_.push_back(std::move(std::get<Place>(bound)));
    names_.push_back(places_.back().bound.front().name);
    accept_on(places_.back());
  }
  return std::nullopt;
}

std::variant<Server::Place, std::string> Server::bind_place(const settings::Listener& listener) {
  Place place{settings::to_string(listener.address), {}, nullptr};
  auto rules = make_rules(listener, tickets_);
  if (auto* error = std::get_if<std::string>(&rules)) return std::move(*error);
  place.rules = std::move(std::get<0>(rules));
  const auto fail = [&](std::string error) {
    for (const auto& bound : place.bound) ::close(bound.descriptor);
    return error;
  };
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto its_address = listener.address;
    if (auto* tcp = std::get_if<settings::TcpAddress>(&its_address); tcp != nullptr && i > 0) {
      // The kernel distributes connections over sockets of the same port. All use the port that it chose for
      // the first.
      const auto& name = place.bound.front().name;
      tcp->port = static_cast<std::uint16_t>(std::stoi(name.substr(name.rfind(':') + 1)));
    } else if (i > 0) {
      auto same = place.bound.front();
      same.descriptor = ::dup(same.descriptor);
      place.bound.push_back(std::move(same));
      continue;
    }
    auto bound = server::bind(its_address, workers_.size() > 1);
    if (auto* error = std::get_if<std::string>(&bound)) return fail(std::move(*error));
    place.bound.push_back(std::get<Bound>(bound));
  }
  for (auto& bound : place.bound) bound.name = name_under(*place.rules, bound.name);
  return place;
}

void Server::accept_on(const Place& place) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto& worker = *workers_[i];
    const auto listening =
        listening_.emplace_back(std::make_shared<Listening>(worker, place.bound[i], place.key, place.rules));
    const auto accepted = [this, &worker, its = listening.get()](Socket socket, Peer peer) {
      begin(worker, std::move(socket), std::move(peer), its->rules);
    };
    const auto failed = [this, &worker](const Error& error) {
      shared_.notices.cannot_accept(error.message());
      return worker.close_longest_idle(Worker::Closable::between_requests);
    };
    const auto may_accept = [this, &worker] {
      return shared_.connections.load(std::memory_order_relaxed) < descriptor_bound(worker.settings());
    };
    // Runs on the place's own loop, which may be running already.
    asio::post(worker.loop.executor(), [&worker, listening, accepted, failed, may_accept] {
      listening->open();
      asio::co_spawn(worker.loop.executor(),
                     accept_loop(worker.loop, listening->acceptor, accepted, failed, may_accept),
                     [listening](const std::exception_ptr& error) { rethrow(error); });
    });
  }
}

void Server::close_places(const std::function<bool(const std::string& key)>& is_meant) {
  for (auto& listening : listening_) {
    if (!is_meant(listening->key)) continue;
    asio::post(listening->worker.loop.executor(), [listening] {
      Error ignored;
      listening->acceptor.close(ignored);
    });
  }
  std::erase_if(listening_, [&](const auto& listening) { return is_meant(listening->key); });
}

void Server::begin(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules) {
  worker.loop.counters().connections_accepted.add();
  const auto bound = static_cast<std::int64_t>(worker.settings().limits.connections);
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) >= bound) {
    shared_.notices.too_many_connections(bound);
    using Closable = Worker::Closable;
    if (worker.close_longest_idle(Closable::between_requests) ||
        worker.close_longest_idle(Closable::any_idle))
      return begin_connection(worker, std::move(socket), std::move(peer), std::move(rules));
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    worker.loop.counters().connections_refused.add();
    if (rules->tls) return;  // a readable response would need a handshake first
    std::string out;
    const auto outcome = refused();
    write_problem({503, "too many connections (limits.connections)", 1}, false, {false, 1}, &outcome, out);
    Error ignored;
    socket.write_some(asio::buffer(out), ignored);
    socket.shutdown(Socket::shutdown_both, ignored);
    return;
  }
  begin_connection(worker, std::move(socket), std::move(peer), std::move(rules));
}

std::optional<policy::MonoTime> Server::last_upstream_response() const noexcept {
  policy::MonoTime last{};
  for (const auto& worker : workers_) last = std::max(last, worker->pool.last_response());
  return last == policy::MonoTime{} ? std::nullopt : std::optional(last);
}

void Server::on_every_loop(const std::function<void(Worker&)>& action) {
  for (const auto& worker : workers_) {
    asio::post(worker->loop.executor(), [action, at = worker.get()] { action(*at); });
  }
}

namespace {

// Runs a loop until it is stopped. An exception comes from a handler that could not start an operation, for
// want of memory: it ends that task alone.
void run(Loop& loop) noexcept {
  for (;;) {
    try {
      loop.io().run();
      return;
    } catch (...) {
      loop.note_failure("event loop", std::current_exception());
    }
  }
}

}  // namespace

bool Server::run() {
  using Guard = asio::executor_work_guard<Executor>;
  std::vector<Guard> guards;
  std::vector<std::thread> threads;
  for (const auto& worker : workers_) {
    guards.emplace_back(worker->loop.executor());
    worker->loop.sweeper().start();
  }
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    threads.emplace_back([&loop = workers_[i]->loop] { server::run(loop); });
  }
  asio::post(first_loop().executor(), [this] { prefetcher_.begin(authority_of(names_)); });
  server::run(workers_.front()->loop);
  for (auto& thread : threads) thread.join();
  // While the loops exist: pending `find` calls of the archive refer to them.
  if (shared_.archive) shared_.archive->detach();
  for (const auto& worker : workers_) worker->access_log.flush();
  return clean_ && !control_.is_busy();
}

std::vector<tls::CertificateInfo> Server::certificates() const {
  std::vector<tls::CertificateInfo> all;
  const auto add = [&all](const std::vector<tls::CertificateInfo>& more) {
    for (const auto& info : more) {
      const auto is_same = [&info](const tls::CertificateInfo& other) { return other.file == info.file; };
      if (std::none_of(all.begin(), all.end(), is_same)) all.push_back(info);
    }
  };
  const std::lock_guard lock(mutex_);
  for (const auto& place : places_)
    if (place.rules->tls) add(place.rules->tls->certificates());
  add(admin_certificates_);
  return all;
}

void Server::set_admin_certificates(std::vector<tls::CertificateInfo> certificates) {
  const std::lock_guard lock(mutex_);
  admin_certificates_ = std::move(certificates);
}

void Server::apply_store_limits() {
  const auto limits = plan();
  shared_.cache.set_limits(limits->settings->cache.memory, limits->settings->cache.variants);
  shared_.cache.shorten_lifetimes(limits->settings);
}

std::optional<std::string> Server::reopen_log() {
  on_every_loop([](Worker& worker) { worker.access_log.flush(); });
  return log_sink_ ? log_sink_->reopen() : std::nullopt;
}

void Server::close_files() noexcept {
  shared_.archive.reset();
  shared_.mapped_log.reset();
}

void Server::stop() {
  if (stopping_) return;
  stopping_ = true;
  shared_.draining.store(true, std::memory_order_relaxed);
  shared_.cache.refresh_scheduler().stop();
  prefetcher_.stop();
  close_places([](const std::string&) { return true; });
  on_every_loop([](Worker& worker) { worker.drain(); });
  asio::co_spawn(first_loop().executor(), wind_down(), rethrow);
}

void Server::stop_now() {
  at_once_ = true;
  stop();
}

bool Server::is_quiet() const {
  std::int64_t fills = 0;
  for (const auto& worker : workers_) fills += worker->loop.counters_view().fills_running.value();
  return fills == 0 && shared_.connections.load(std::memory_order_relaxed) == 0;
}

Task<void> Server::wind_down() {
  Timer timer(first_loop().executor());
  const auto wait = [&] {
    timer.expires_after(poll_interval);
    return timer.async_wait(as_result);
  };
  const auto end = system_now().mono + plan_->settings->drain_timeout;
  co_await wait();  // connections that were accepted in the last moment are counted then
  while (!at_once_ && shared_.connections.load(std::memory_order_relaxed) > 0 && system_now().mono < end)
    co_await wait();

  on_every_loop([](Worker& worker) { worker.force(); });
  const auto cut = system_now().mono + force_time;
  while (!is_quiet() && system_now().mono < cut) co_await wait();
  clean_ = is_quiet();
  if (stopped_hook_) stopped_hook_();
  co_await wait();  // until connections that the hook closed have ended
  for (const auto& worker : workers_) {
    asio::post(worker->loop.executor(), [at = worker.get()] {
      at->loop.sweeper().stop();
      at->loop.io().stop();
    });
  }
}

}  // namespace larder::server
