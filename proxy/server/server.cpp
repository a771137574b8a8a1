#include "server/server.hpp"

#include "policy/groups.hpp"
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

constexpr Millis poll_interval{10};  // of winding down
constexpr Millis force_time{3000};   // for what was cut off to unwind

// What should never happen ends the program, which the service manager starts again, rather than a listener
// in silence.
void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

unsigned loop_count(const settings::Settings& settings) {
  return settings.loops != 0 ? settings.loops : std::max(std::thread::hardware_concurrency(), 1u);
}

std::vector<std::unique_ptr<Worker>> make_workers(Shared& shared,
                                                  const std::shared_ptr<const fill::Plan>& plan) {
  if (plan->settings->access_log != settings::AccessLog::off) shared.log_sink = std::make_shared<LogSink>();
  const auto loops = loop_count(*plan->settings);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < loops; ++i) workers.push_back(std::make_unique<Worker>(i, loops, shared, plan));
  return workers;
}

}  // namespace

struct Server::Listening {
  Listening(Worker& its_worker, const Bound& bound)
      : worker(its_worker),
        acceptor(its_worker.loop.executor(), StreamProtocol(bound.family, 0), bound.descriptor) {}
  Worker& worker;
  Acceptor acceptor;
};

Server::Server(std::shared_ptr<const fill::Plan> plan)
    : shared_(*plan->settings),
      plan_(std::move(plan)),
      workers_(make_workers(shared_, plan_)),
      warm_up_(*workers_.front()) {
  auto& first = *workers_.front();
  shared_.warmer.start(first.loop, [&first] { return fill::Warmer::Means{first.resources(), first.plan()}; });
  restore(shared_, *plan_->settings);
}

Server::~Server() {
  listening_.clear();
  shared_.warmer.leave_loop();
  for (const auto& path : unix_paths_) ::unlink(path.c_str());
}

std::optional<std::string> Server::listen() {
  for (const auto& address : plan_->settings->listen) {
    if (auto error = listen_on(address)) return error;
  }
  return std::nullopt;
}

std::optional<std::string> Server::listen_on(const settings::ListenAddress& address) {
  const bool several = workers_.size() > 1;
  auto bound = bind(address, several);
  if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
  auto first = std::get<Bound>(bound);
  names_.push_back(first.name);
  if (!first.unix_path.empty()) unix_paths_.push_back(first.unix_path);

  for (std::size_t i = 1; i < workers_.size(); ++i) {
    auto next = first;
    const auto* tcp = std::get_if<settings::TcpAddress>(&address);
    if (tcp != nullptr) {
      // The kernel spreads connections over sockets of the same port; a port it has chosen is the same for
      // all.
      auto same = *tcp;
      same.port = static_cast<std::uint16_t>(std::stoi(first.name.substr(first.name.rfind(':') + 1)));
      auto another = bind(same, true);
      if (auto* error = std::get_if<std::string>(&another)) return std::move(*error);
      next = std::get<Bound>(another);
    } else {
      next.descriptor = ::dup(first.descriptor);
    }
    accept_on(*workers_[i], next);
  }
  accept_on(*workers_.front(), first);
  return std::nullopt;
}

void Server::accept_on(Worker& worker, const Bound& bound) {
  auto& listening = *listening_.emplace_back(std::make_unique<Listening>(worker, std::move(bound)));
  const auto accepted = [this, &worker](Socket socket, std::string address) {
    begin(worker, std::move(socket), std::move(address));
  };
  asio::co_spawn(worker.loop.executor(), accept_loop(worker.loop, listening.acceptor, accepted), rethrow);
}

void Server::begin(Worker& worker, Socket socket, std::string address) {
  worker.loop.counters().connections_accepted.add();
  const auto bound = static_cast<std::int64_t>(worker.settings().limits.connections);
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) >= bound) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    std::string out;
    write_problem({503, "too many connections (limits.connections)", 1}, nullptr, false, {false, 1}, out);
    Error ignored;
    socket.write_some(asio::buffer(out), ignored);
    socket.shutdown(Socket::shutdown_both, ignored);
    return;
  }
  begin_session(worker, std::move(socket), std::move(address));
}

void Server::on_every_loop(const std::function<void(Worker&)>& action) {
  for (const auto& worker : workers_) {
    asio::post(worker->loop.executor(), [action, at = worker.get()] { action(*at); });
  }
}

bool Server::run() {
  using Guard = asio::executor_work_guard<Executor>;
  std::vector<Guard> guards;
  std::vector<std::thread> threads;
  for (const auto& worker : workers_) {
    guards.emplace_back(worker->loop.executor());
    worker->loop.sweeper().start();
  }
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    threads.emplace_back([&loop = workers_[i]->loop] { loop.io().run(); });
  }
  asio::post(first_loop().executor(), [this] { warm_up_.begin(authority_of(names_)); });
  workers_.front()->loop.io().run();
  for (auto& thread : threads) thread.join();
  for (const auto& worker : workers_) worker->access_log.flush();
  return clean_;
}

void Server::reload(std::shared_ptr<const fill::Plan> plan) {
  plan_ = std::move(plan);
  if (plan_->settings->access_log != settings::AccessLog::off && !shared_.log_sink) {
    shared_.log_sink = std::make_shared<LogSink>();
  }
  shared_.store.set_limits(plan_->settings->cache.memory, plan_->settings->cache.variants);
  on_every_loop([next = plan_](Worker& worker) { worker.adopt(next); });
  asio::post(first_loop().executor(), [this] {
    if (!stopping_) warm_up_.begin(authority_of(names_));
  });
}

std::size_t Server::purge(const policy::Purge& what) {
  using policy::Purge;
  auto& store = shared_.store;
  auto& writes = shared_.writes;
  const auto level = what.soft ? store::Void::soft : store::Void::strict;
  // First what is being fetched: whatever is stored from now on has been looked at.
  shared_.purges.add(what, writes.begin_fill());
  if (what.what == Purge::What::all) writes.all_written(level);
  std::vector<std::string> concerned;
  store.each([&](const store::Entry& entry) {
    const bool any = std::any_of(entry.variants.begin(), entry.variants.end(), [&](const auto& variant) {
      return what.concerns(entry.key, variant->groups);
    });
    if (any) concerned.push_back(entry.key);
  });
  const bool one_query = what.what == Purge::What::path && what.text.find('?') != std::string::npos;
  for (const auto& key : concerned) {
    const std::string_view name = key;
    // The write log makes it last, should the process be killed.
    if (what.what == Purge::What::group)
      writes.group_written(store.hash(policy::group_name(name, what.text)), level);
    else if (what.what != Purge::What::all && (what.soft || !one_query))
      writes.written(store.hash(name.substr(0, name.find_first_of("?\n"))), level);
    if (!what.soft) store.erase(name, store.hash(name));
  }
  return concerned.size();
}

void Server::close_files() noexcept {
  shared_.archive.reset();
  shared_.write_file.reset();
}

void Server::stop() {
  if (stopping_) return;
  stopping_ = true;
  shared_.draining.store(true, std::memory_order_relaxed);
  shared_.warmer.stop();
  warm_up_.stop();
  on_every_loop([this](Worker& worker) {
    for (const auto& listening : listening_) {
      Error ignored;
      if (&listening->worker == &worker) listening->acceptor.close(ignored);
    }
    worker.drain();
  });
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
  const auto end = Loop::now().mono + plan_->settings->drain_timeout;
  while (!at_once_ && shared_.connections.load(std::memory_order_relaxed) > 0 && Loop::now().mono < end)
    co_await wait();

  on_every_loop([](Worker& worker) { worker.force(); });
  const auto cut = Loop::now().mono + force_time;
  while (!is_quiet() && Loop::now().mono < cut) co_await wait();
  clean_ = is_quiet();
  if (stopped_hook_) stopped_hook_();
  co_await wait();  // for what the hook has closed
  for (const auto& worker : workers_) {
    asio::post(worker->loop.executor(), [at = worker.get()] {
      at->loop.sweeper().stop();
      at->loop.io().stop();
    });
  }
}

}  // namespace larder::server
