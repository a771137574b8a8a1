#include "cache/refresh_scheduler.hpp"

#include "cache/cache.hpp"
#include "http/target.hpp"
#include "policy/key.hpp"

#include <algorithm>

namespace larder::cache {

namespace {

constexpr int grain_part = 16;    // of the ttl: requests closer together count as one
constexpr Millis max_look{1000};  // between looks at an entry whose refresh is under way
constexpr int slack_part = 20;    // of the ttl: tolerated delay of the timer
constexpr Millis min_slack{20};
constexpr std::size_t max_looks_at_once = 64;
constexpr std::size_t max_histories = 4096;

std::string variant_name(std::string_view key, const policy::SecondaryKey& secondary) {
  std::string name(key);
  for (const auto& field : secondary) {
    name.append("\n").append(field.name);
    if (field.value) name.append("=").append(*field.value);
  }
  return name;
}

}  // namespace

struct RefreshScheduler::Item {
  std::shared_ptr<const OwnedRequest> request;
  policy::CacheKey key;
  std::uint64_t hash = 0;
  std::shared_ptr<store::AccessHistory> access_history;
  FetchTimes times;
  MonoTime requested;
  MonoTime fresh_until;
  double jitter = 0;
  Millis slack{0};
  std::uint64_t fetches = 0;  // their number, to detect one that ended meanwhile
};

RefreshScheduler::RefreshScheduler() : random_(std::random_device{}()) {}
RefreshScheduler::~RefreshScheduler() = default;

void RefreshScheduler::start(Loop& loop, std::function<Dependencies()> deps) {
  const std::lock_guard lock(mutex_);
  loop_ = &loop;
  deps_ = std::move(deps);
  alarm_ = std::make_unique<Alarm>(loop, [this] { wake(); });
}

void RefreshScheduler::stop() {
  if (alarm_) alarm_->stop();
}

void RefreshScheduler::leave_loop() {
  alarm_.reset();
}

std::shared_ptr<store::AccessHistory> RefreshScheduler::access_history_of(
    const settings::Route& route, std::string_view key, const policy::SecondaryKey& secondary) {
  if (!route.keeps_warm()) return nullptr;
  const auto name = variant_name(key, secondary);
  const std::lock_guard lock(mutex_);
  auto& known = histories_[name];
  if (auto access_history = known.lock()) return access_history;
  auto access_history = std::make_shared<store::AccessHistory>(route.ttl / grain_part);
  known = access_history;
  if (histories_.size() > max_histories)
    std::erase_if(histories_, [](const auto& entry) { return entry.second.expired(); });
  return access_history;
}

// Returns the item of that name, with its members from the last fetch; items_.end() if there are too many. A
// new one is due when the response expires, until its time is calculated. If an allocation fails, there is no
// new item.
RefreshScheduler::Items::iterator RefreshScheduler::item_of(const std::string& name, const Fetched& what,
                                                            std::size_t most) {
  auto at = items_.find(name);
  const bool is_new = at == items_.end();
  if (is_new && items_.size() >= most) return at;
  auto key = what.order.key;
  if (is_new) {
    at = items_.emplace(name, Item{}).first;
    try {
      due_.set(name, what.response.fresh_until);
    } catch (const std::exception&) {
      items_.erase(at);
      throw;
    }
  }
  auto& item = at->second;
  item.request = what.order.request;
  item.key = std::move(key);
  item.hash = what.order.hash;
  item.access_history = what.response.access_history;
  item.requested = what.requested;
  item.fresh_until = what.response.fresh_until;
  return at;
}

void RefreshScheduler::fetched(const Fetched& what, std::size_t most) {
  const auto& route = *what.order.route;
  const auto& access_history = what.response.access_history;
  access_history->end_refresh_lease();
  MonoTime due;
  {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr) return;
    const auto name = variant_name(what.order.key.text(), what.response.secondary);
    const auto at = item_of(name, what, most);
    if (at == items_.end()) return;
    auto& item = at->second;
    if (what.received > what.requested) item.times.add(what.received - what.requested);
    item.jitter = std::uniform_real_distribution<>(0, 1)(random_);
    const auto marks = access_history->marks();
    const RefreshInput warmth{route.ttl,        *route.keep_warm, item.requested,   item.fresh_until,
                              item.times.p95(), item.jitter,      std::span(marks), item.fetches};
    due = decision_time(warmth);
    due_.set(name, due);
    ++item.fetches;
    item.slack = std::max(route.ttl / slack_part, min_slack);
    access_history->begin_refresh_lease(item.fresh_until + item.slack);
  }
  loop_->post([this, due] {
    if (alarm_) alarm_->set(due);
  });
}

void RefreshScheduler::look_at_all() {
  {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr || items_.empty()) return;
    for (const auto& [name, item] : items_) due_.set(name, item.requested);
  }
  loop_->post([this] {
    if (alarm_) wake();
  });
}

std::size_t RefreshScheduler::size() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

void RefreshScheduler::wake() {
  try {
    look_at_due();
  } catch (...) {
    loop_->note_failure("refresh scheduler", std::current_exception());
    alarm_->set(loop_->now().mono + max_look);
  }
}

// The mutex is not held while an entry is examined, because `fetched` waits for it on every loop.
void RefreshScheduler::look_at_due() {
  const auto now = loop_->now();
  const auto deps = deps_();
  std::vector<std::pair<std::string, Item>> due;
  {
    const std::lock_guard lock(mutex_);
    for (auto& name : due_.due(now.mono, max_looks_at_once)) {
      // The next time if examining it fails; otherwise replaced below.
      due_.set(name, now.mono + max_look);
      const auto& item = items_.at(name);
      due.emplace_back(std::move(name), item);
    }
  }
  for (auto& [name, item] : due) {
    const auto next = look_at(item, deps, now);
    const std::lock_guard lock(mutex_);
    const auto at = items_.find(name);
    if (at->second.fetches != item.fetches) continue;  // `fetched` has set the next time
    if (next) {
      due_.set(name, *next);
    } else {
      due_.erase(name);
      items_.erase(at);
    }
  }
  const std::lock_guard lock(mutex_);
  if (const auto next = due_.next()) alarm_->set(*next);
}

std::optional<MonoTime> RefreshScheduler::look_at(const Item& item, const Dependencies& deps,
                                                  policy::Now now) {
  const auto& head = item.request->head;
  std::string scratch;
  const auto path = http::normalise_path(head.path, scratch);
  const auto* route = deps.plan->settings->route_for(path);
  if (route == nullptr || !route->keeps_warm()) return std::nullopt;
  policy::CacheKey key;
  key.assign(policy::authority_of(head, *deps.plan->settings), path, head, *route,
             item.request->arrival.scheme);
  if (key.text() != item.key.text()) return std::nullopt;  // a reload has changed its projection

  const auto marks = item.access_history->marks();
  const auto fresh_until = std::min(item.fresh_until, item.requested + route->ttl);
  const RefreshInput warmth{route->ttl,       *route->keep_warm, item.requested,   fresh_until,
                            item.times.p95(), item.jitter,       std::span(marks), item.fetches - 1};
  const auto next = next_refresh(warmth);
  const auto decided = decision_time(warmth);
  if (!next || *next > fresh_until) item.access_history->end_refresh_lease();
  if (!next) return decided > now.mono ? std::optional(decided) : std::nullopt;
  if (*next > now.mono) return next;
  if (const auto failing = deps.resources.cache.failing(item.key.view());
      failing && failing->until > now.mono)
    return failing->until;
  return refresh(item, deps, *route, now);
}

std::optional<MonoTime> RefreshScheduler::refresh(const Item& item, const Dependencies& deps,
                                                  const settings::Route& route, policy::Now now) {
  auto& resources = deps.resources;
  auto& cache = resources.cache;
  const auto facts =
      policy::facts_of(item.request->head, {*deps.plan->settings, cache.key_hash(), item.request->arrival});
  const auto target = cache.target(route, cache.hash(route.name), item.key.view(), facts);
  const auto found = cache.peek(target);
  auto joined = cache.join(target, found.entry.get(), now, {});
  if (joined.role == Role::uncollapsed) return std::nullopt;  // its responses cannot be shared any more
  if (joined.role == Role::lead) {
    Order order;
    order.request = item.request;
    order.plan = deps.plan;
    order.route = &route;
    order.key = item.key;
    order.hash = item.hash;
    order.background = true;
    order.counters = deps.counters_of(route);
    if (found.response != nullptr && !found.stale_once) {
      order.held = *found.response;
      if (order.held->is_fresh(now.mono - item.slack)) order.access_history = item.access_history;
    }
    begin_fetch(resources, std::move(joined.permit), std::move(order));
  }
  // A response sets the next time; without one the entry is examined again.
  return now.mono + std::clamp(route.ttl / 4, Millis{1}, max_look);
}

}  // namespace larder::cache
