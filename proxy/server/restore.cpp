#include "server/restore.hpp"

#include "cache/represent.hpp"
#include "http/target.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace larder::server {

namespace {

using settings::CacheMode;

// Applies the current settings' lifetimes; the age is the response's.
void adapt(const settings::Route& route, Millis grace, store::Response& response) {
  if (route.cache != CacheMode::ttl) return;
  const auto ttl = response.status == 200 ? route.ttl : route.negative_ttl.value_or(Millis{0});
  response.lifetime.value = ttl;
  response.fresh_until = std::min(response.fresh_until, response.response_time + ttl);
  response.stale_while_revalidate = std::max(route.stale_while_revalidate.value_or(Millis{0}), grace);
  response.stale_if_error = response.stale_if_disconnected = route.stale_if_error;
}

// Makes a request that matches the response: its target, and the fields that the response varies by. nullptr
// if their values are not known: of credentials and cookies only hashes are stored.
std::shared_ptr<const cache::OwnedRequest> request_for(const policy::KeyView& of,
                                                       const store::Response& response,
                                                       const settings::Settings& settings) {
  using Kind = policy::VaryField::Kind;
  std::string head = "GET ";
  head.append(of.target()).append(" HTTP/1.1\r\nHost: ").append(of.authority()).append("\r\nAccept: */*\r\n");
  for (const auto& field : response.secondary) {
    if (!field.value) continue;
    if (field.kind != Kind::plain && field.kind != Kind::encodings) return nullptr;
    if (field.name != "accept") head.append(field.name).append(": ").append(*field.value).append("\r\n");
  }
  head += "\r\n";
  http::RequestHead read;
  if (http::read_request(head, settings.gate, read).state != http::GateResult::State::complete)
    return nullptr;
  return std::make_shared<const cache::OwnedRequest>(head, settings, policy::Arrival{});
}

}  // namespace

std::unique_ptr<tiers::MappedInvalidationLog> Shared::open_invalidation_log(
    const settings::Settings& settings) {
  if (!settings.cache.persist) return nullptr;
  std::string warning;
  auto opened = tiers::MappedInvalidationLog::open(*settings.cache.persist + ".writes", warning);
  if (!warning.empty()) spdlog::warn("cache.persist: {}", warning);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    spdlog::warn("cache.persist: {}; nothing is persisted until that succeeds, which is tried again", *error);
    return tiers::MappedInvalidationLog::in_memory();
  }
  return std::move(std::get<std::unique_ptr<tiers::MappedInvalidationLog>>(opened));
}

cache::Cache::Options Shared::options_of(const settings::Settings& settings,
                                         const tiers::MappedInvalidationLog* log) {
  return {settings.cache.memory, settings.cache.variants, log != nullptr ? log->memory() : nullptr,
          log != nullptr ? log->seed() : 0,
          log != nullptr ? log->secret() : policy::KeyedHash::random_secret()};
}

namespace {

// Puts what was stored under the same configuration into the cache. Called on the archive's thread.
class Restorer {
 public:
  Restorer(cache::Cache& cache, std::shared_ptr<const settings::Settings> settings)
      : cache_(cache), settings_(std::move(settings)) {}

  void restore(const std::string& key, const std::shared_ptr<store::Response>& response) {
    const policy::KeyView of(key);
    const auto* route = settings_->route_for(of.path());
    if (route == nullptr || route->cache == CacheMode::off ||
        route->config_fingerprint != response->config_fingerprint)
      return;
    for (auto& field : response->secondary) {
      auto value = std::move(field.value);
      field = policy::VaryField::named(std::move(field.name), settings_->request_fields);
      field.value = std::move(value);
    }
    adapt(*route, settings_->cache.persist_stale, *response);
    cache_.set_marks(*route, of, *response);
    const policy::RequestFacts facts;
    const auto target = cache_.target(*route, cache_.hash(route->name), of, facts);
    if (cache_.validity_of(*response, target) == store::Validity::invalid) return;
    if (cache::may_be_derived(*response, *route)) response->derived = std::make_shared<store::Derived>();
    auto& scheduler = cache_.refresh_scheduler();
    response->access_history = scheduler.access_history_of(*route, key, response->secondary);
    if (!cache_.restore(target, response)) return;
    ++count_;
    if (!response->access_history) return;
    cache::Order order;
    order.request = request_for(of, *response, *settings_);
    order.route = route;
    order.key.assign(of);
    order.hash = target.hash;
    if (order.request)
      scheduler.fetched({order, *response, response->response_time, response->response_time},
                        settings_->cache.kept_warm);
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  cache::Cache& cache_;
  std::shared_ptr<const settings::Settings> settings_;
  std::size_t count_ = 0;
};

}  // namespace

void restore(Shared& shared, const std::shared_ptr<const settings::Settings>& settings) {
  if (!shared.mapped_log) return;
  auto& cache = shared.cache;
  const auto restorer = std::make_shared<Restorer>(cache, settings);
  tiers::Archive::Options options;
  options.path = *settings->cache.persist;
  options.most = settings->cache.persist_size;
  options.memory = settings->cache.memory;
  options.generation = shared.mapped_log->generation();
  options.warn = [](const std::string& text) { spdlog::warn("cache.persist: {}", text); };
  options.now = [] { return system_now(); };
  options.restore = [restorer](const std::string& key, const std::shared_ptr<store::Response>& response) {
    restorer->restore(key, response);
  };
  options.restored = [restorer, &cache] {
    cache.end_restore();
    if (restorer->count() > 0)
      spdlog::info("cache.persist: {} stored responses were restored", restorer->count());
  };
  auto& log = *shared.mapped_log;
  options.prepare = [&log, &cache, path = options.path + ".writes"] {
    if (!log.is_in_memory()) return std::string();
    return log.move_to_file(path, [&cache](const auto& move) { cache.while_no_write(move); });
  };
  const auto open_later = [&] {
    shared.archive = tiers::Archive::open_later(std::move(options));
    cache.set_tier(*shared.archive);
    shared.archive->start(cache.stored());
  };
  if (log.is_in_memory()) return open_later();
  auto opened = tiers::Archive::open(options);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    spdlog::warn("cache.persist: {}; nothing is persisted until that succeeds, which is tried again", *error);
    return open_later();
  }
  shared.archive = std::move(std::get<std::unique_ptr<tiers::Archive>>(opened));
  // Sequences continue after those of the stored responses, whatever the invalidation log's memory says.
  cache.advance_to(shared.archive->last_sequence());
  if (shared.mapped_log->may_lack_invalidations()) {
    cache.invalidate_all();
    spdlog::warn(
        "cache.persist: the machine went down while larder was running; what was stored before is served "
        "only while "
        "the API fails");
  }
  cache.begin_restore();
  cache.set_tier(*shared.archive);
  shared.archive->start(cache.stored());
}

}  // namespace larder::server
