#include "server/startup_prefetcher.hpp"

#include "http/target.hpp"
#include "net/spawn.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace larder::server {

namespace {

constexpr Millis first_wait{1000};
constexpr Millis max_wait{15'000};

// As a request on the first listener would arrive.
policy::Arrival arrival_of(const settings::Settings& settings) {
  policy::Arrival arrival;
  if (!settings.listen.empty() && settings.listen.front().tls.is_on()) arrival.scheme = http::Scheme::https;
  return arrival;
}

}  // namespace

struct StartupPrefetcher::Target {
  Target(Loop& loop, std::string its_host, std::string its_path)
      : stopped(loop), host(std::move(its_host)), path(std::move(its_path)) {}
  Event stopped;
  std::string host;
  std::string path;
  bool done = false;
  bool dropped = false;
};

std::string authority_of(const std::vector<std::string>& names) {
  if (names.empty() || !names.front().starts_with("http")) return "localhost";
  auto name = names.front().substr(names.front().find("//") + 2);
  for (const std::string_view any : {"0.0.0.0:", "[::]:"}) {
    if (name.starts_with(any)) name.replace(0, any.size() - 1, "localhost");
  }
  const std::string_view port = names.front().starts_with("https:") ? ":443" : ":80";
  return name.ends_with(port) ? name.substr(0, name.size() - port.size()) : name;
}

void StartupPrefetcher::begin(const std::string& host) {
  const auto& settings = worker_.settings();
  auto hosts = settings.cache.warm_hosts;
  if (hosts.empty()) hosts.push_back(host);
  std::map<std::string, std::shared_ptr<Target>> wanted;
  std::vector<std::shared_ptr<Target>> added;
  for (const auto& route : settings.routes) {
    if (!route.warm) continue;
    for (const auto& one : hosts) {
      const auto name = one + route.path.text();
      const auto known = targets_.find(name);
      if (known != targets_.end()) {
        wanted.insert(*known);
        continue;
      }
      added.push_back(std::make_shared<Target>(worker_.loop, one, route.path.text()));
      wanted.emplace(name, added.back());
    }
  }
  for (const auto& [name, target] : targets_) {
    if (wanted.count(name) > 0) continue;
    target->dropped = true;
    target->stopped.raise();
  }
  targets_ = std::move(wanted);
  pending_ += added.size();
  for (auto& target : added) {
    spawn(worker_.loop, "warm-up", warm(target), [this] { --pending_; });
  }
}

void StartupPrefetcher::stop() {
  for (const auto& [name, target] : targets_) {
    target->dropped = true;
    target->stopped.raise();
  }
}

Task<void> StartupPrefetcher::warm(std::shared_ptr<Target> target) {
  for (auto wait = first_wait; !target->dropped; wait = std::min(wait * 2, max_wait)) {
    if (co_await try_once(target)) break;
    co_await target->stopped.wait_for(wait);
  }
}

Task<bool> StartupPrefetcher::try_once(std::shared_ptr<Target> target) {
  auto& shared = worker_.shared;
  const auto plan = worker_.plan();
  const auto& settings = *plan->settings;
  std::string scratch;
  const auto path = http::normalise_path(target->path, scratch);
  const auto* route = settings.route_for(path);
  if (route == nullptr || !route->warm) co_return true;
  const auto head = "GET " + target->path + " HTTP/1.1\r\nHost: " + target->host + "\r\nAccept: */*\r\n\r\n";
  auto request = std::make_shared<const cache::OwnedRequest>(head, settings, arrival_of(settings));
  auto& cache = shared.cache;
  policy::CacheKey key;
  key.assign(policy::authority_of(request->head, settings), path, request->head, *route,
             request->arrival.scheme);
  const auto facts = policy::facts_of(request->head, {settings, cache.key_hash(), request->arrival});
  const auto goal = cache.target(*route, cache.hash(route->name), key.view(), facts);
  const auto now = system_now();
  if (cache.fresh(goal, now)) co_return true;
  auto joined = cache.join(goal, cache.peek(goal).entry.get(), now, {});
  const bool begins = joined.role != cache::Role::follow;
  cache::FillWaiter waiter(worker_.loop, joined.fill, begins);
  if (begins) {
    cache::Order order;
    order.request = request;
    order.plan = plan;
    order.route = route;
    order.key = key;
    order.hash = goal.hash;
    order.uncollapsed = joined.role == cache::Role::uncollapsed;
    order.background = true;
    order.consult_tier = cache.peek(goal).entry == nullptr;
    order.counters = worker_.view_of(route).counters;
    cache::begin_fetch(worker_.resources(), std::move(joined.permit), std::move(order));
  }
  std::optional<cache::FillWaiter::FillEvent> news;
  do {
    news = co_await waiter.next(cache::longest_fill(settings.upstream));
    if (!news) co_return false;
  } while (!std::holds_alternative<cache::Result>(*news));
  const auto& result = std::get<cache::Result>(*news);
  if (std::holds_alternative<cache::LookAgain>(result)) co_return co_await try_once(target);
  auto detail = policy::Detail::upstream_failed;
  if (const auto* answered = std::get_if<cache::Completed>(&result)) {
    if (answered->stored || answered->detail == policy::Detail::none) co_return true;
    if (answered->detail == policy::Detail::superseded || answered->detail == policy::Detail::mark_overflow ||
        policy::is_error_status(answered->upstream_status))
      co_return false;
    detail = answered->detail;
  } else if (const auto* unshared = std::get_if<cache::Unshareable>(&result)) {
    if (policy::is_error_status(unshared->upstream_status)) co_return false;
    detail = unshared->detail;
  } else {
    co_return false;
  }
  spdlog::warn("route {}: its response is not stored, so it cannot be kept warm: {}", route->name,
               policy::name_of(detail));
  co_return true;
}

}  // namespace larder::server
