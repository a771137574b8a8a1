#include "server/worker.hpp"

#include "server/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace larder::server {

namespace {

// Counters of routes that a reload removed are kept. Beyond this number of names, routes share one set of
// counters, so that reloads do not create time series without limit.
constexpr std::size_t max_route_names = 2000;

// The buffer must be larger than the longest head, to detect a longer one.
std::size_t buffer_size(const settings::Settings& settings) {
  return std::max(settings.limits.buffer, settings.gate.head + 1024);
}

// A tenth of the shortest timeout, within bounds.
Millis sweep_resolution(const settings::Settings& settings) {
  const auto& timeouts = settings.timeouts;
  const auto& upstream = settings.upstream;
  const auto shortest =
      std::min({timeouts.head, timeouts.body, timeouts.write, timeouts.idle, upstream.connect_timeout,
                upstream.first_byte_timeout, upstream.idle_timeout, upstream.keep_alive});
  return std::clamp(shortest / 10, Millis{10}, Millis{250});
}

}  // namespace

Worker::Worker(unsigned index, Shared& all, std::shared_ptr<const cache::Plan> plan,
               std::shared_ptr<LogSink> sink, Seams seams)
    : loop(index, buffer_size(*plan->settings), sweep_resolution(*plan->settings), seams.clock),
      shared(all),
      pool(loop, all.admission, plan->settings->upstream, std::move(seams.connector)),
      access_log(loop.counters()),
      turns(std::make_unique<ObjectPool<RequestContext>>()),
      http2_memory(std::make_unique<ObjectPool<Http2Memory>>()) {
  loop.sweeper().on_sweep([this] {
    access_log.flush();
    pool.log().look(loop.now().mono);
  });
  loop.on_failure([](std::string_view task, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
      spdlog::error("internal error: the task '{}' ended with an exception: {}", task, thrown.what());
    } catch (...) {
      spdlog::error("internal error: the task '{}' ended with an exception", task);
    }
  });
  pool.log().set([](const std::string& sentence) { spdlog::warn("{}", sentence); });
  adopt(std::move(plan), std::move(sink));
}

// Idle sessions have no task that would end them.
Worker::~Worker() {
  each_session([](Session& session) { session.end_at_rest(); });
}

void Worker::adopt(std::shared_ptr<const cache::Plan> plan, std::shared_ptr<LogSink> sink) {
  plan_ = std::move(plan);
  loop.buffers().set_size(buffer_size(settings()));
  loop.sweeper().set_resolution(sweep_resolution(settings()));
  pool.configure(settings().upstream, plan_->api_tls);
  shared.admission.limit_uploads(settings().limits.uploads);
  access_log.configure(settings(), std::move(sink));
  const bool traces = settings().log_level == "trace";
  pool.log().set_trace(traces ? [](const std::string& sentence) { spdlog::trace("{}", sentence); }
                              : upstream::FailureLog::Write());
  const std::lock_guard lock(routes_mutex_);
  const auto view = [&](const std::string& name) {
    const bool is_known = routes_.size() < max_route_names || routes_.count(name) != 0;
    auto& counters = routes_[is_known ? name : "(others)"];
    if (!counters) counters = std::make_unique<RouteCounters>();
    return RouteView{shared.cache.hash(name), counters.get(), views_.size()};
  };
  views_.clear();
  for (const auto& route : settings().routes) views_.push_back(view(route.name));
  views_.push_back(view(""));
  last_warning_.assign(views_.size(), std::nullopt);
  refused_credentials_.assign(views_.size(), false);
  ++generation_;
}

bool Worker::is_first_credentials_refusal(const RouteView& view) {
  if (view.index >= refused_credentials_.size() || refused_credentials_[view.index]) return false;
  refused_credentials_[view.index] = true;
  return true;
}

bool Worker::may_warn(const RouteView& view, policy::MonoTime now) {
  // A request may refer to routes that a reload has replaced.
  if (view.index >= last_warning_.size()) return false;
  auto& last = last_warning_[view.index];
  if (last && now - *last < std::chrono::minutes{1}) return false;
  last = now;
  return true;
}

void Worker::each_route(const std::function<void(const std::string&, const RouteCounters&)>& visit) const {
  const std::lock_guard lock(routes_mutex_);
  for (const auto& [name, counters] : routes_) visit(name, *counters);
}

void Worker::add(Session& session) noexcept {
  sessions_.push_back(session);
  ++session_count_;
}

void Worker::remove(Session& session) noexcept {
  static_cast<SessionHook&>(session).unlink();
  --session_count_;
}

void Worker::note_idle(Session& session) noexcept {
  static_cast<SessionHook&>(session).unlink();
  sessions_.push_back(session);
}

void Worker::begin_handshake(Session& session) noexcept {
  handshakes_.push_back(session);
  const std::size_t loops = std::max(settings().loops, 1u);
  if (handshakes_.size() > (settings().limits.handshakes + loops - 1) / loops)
    static_cast<Session&>(handshakes_.front()).end_at_rest();
}

void Worker::end_handshake(Session& session) noexcept {
  if (static_cast<HandshakeHook&>(session).is_linked())
    handshakes_.erase(handshakes_.iterator_to(static_cast<HandshakeHook&>(session)));
}

bool Worker::close_longest_idle(Closable which) noexcept {
  constexpr int max_visited = 64;
  int visited = 0;
  for (auto& hook : sessions_) {
    auto& session = static_cast<Session&>(hook);
    if (session.is_idle() && (which == Closable::any_idle || session.has_answered())) {
      loop.counters().connections_closed.add();
      session.end_at_rest();
      return true;
    }
    if (++visited == max_visited) break;
  }
  return false;
}

// `visit` may end the session.
template <class Visit>
void Worker::each_session(Visit visit) {
  for (auto at = sessions_.begin(); at != sessions_.end();) visit(static_cast<Session&>(*at++));
}

void Worker::end_http2(const std::string& listener) {
  each_session([&listener](Session& session) { session.end_http2_of(listener); });
}

void Worker::drain() {
  each_session([](Session& session) { session.drain(); });
}

void Worker::force() {
  each_session([](Session& session) { session.force(); });
  pool.force();
}

}  // namespace larder::server
