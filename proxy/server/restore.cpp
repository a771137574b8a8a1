#include "server/restore.hpp"

#include "cache/represent.hpp"
#include "http/target.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace larder::server {

namespace {

using settings::CacheMode;

// Lifetimes are the settings' of today, ages those of the response.
void adapt(const settings::Route& route, Millis grace, store::Response& response) {
  if (route.cache != CacheMode::ttl) return;
  const auto ttl = response.status == 200 ? route.ttl : route.negative_ttl.value_or(Millis{0});
  response.lifetime.value = ttl;
  response.fresh_until = std::min(response.fresh_until, response.response_time + ttl);
  response.stale_while_revalidate = std::max(route.stale_while_revalidate.value_or(Millis{0}), grace);
  response.stale_if_error = response.stale_if_disconnected = route.stale_if_error;
}

// A request that gets such a response: its target, and the fields that it varies by. nullptr where their
// values are not known: of credentials and cookies only hashes are kept.
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
    spdlog::warn("cache.persist: {}; nothing is persisted until the next start", *error);
    return nullptr;
  }
  return std::move(std::get<std::unique_ptr<tiers::MappedInvalidationLog>>(opened));
}

void restore(Shared& shared, const settings::Settings& settings) {
  if (!shared.mapped_log) return;
  tiers::Archive::Options options;
  options.path = *settings.cache.persist;
  options.most = settings.cache.persist_size;
  options.generation = shared.mapped_log->generation();
  options.warn = [](const std::string& text) { spdlog::warn("cache.persist: {}", text); };
  options.now = [] { return Loop::now(); };
  auto opened = tiers::Archive::open(std::move(options));
  if (const auto* error = std::get_if<std::string>(&opened)) {
    spdlog::warn("cache.persist: {}; nothing is persisted until the next start", *error);
    return;
  }
  shared.archive = std::move(std::get<std::unique_ptr<tiers::Archive>>(opened));

  policy::Sequence last = 0;
  std::size_t bytes = 0;
  struct Kept {
    std::string key;
    std::shared_ptr<store::Response> response;
  };
  std::vector<Kept> kept;  // the newest first
  shared.archive->load([&](const std::string& key, std::shared_ptr<store::Response> response) {
    last = std::max(last, response->sequence);
    const policy::KeyView of(key);
    const auto* route = settings.route_for(of.path());
    if (route == nullptr || route->cache == CacheMode::off ||
        route->config_fingerprint != response->config_fingerprint)
      return true;
    for (auto& field : response->secondary) {
      auto value = std::move(field.value);
      field = policy::VaryField::named(std::move(field.name), settings.request_fields);
      field.value = std::move(value);
    }
    adapt(*route, settings.cache.persist_stale, *response);
    const auto hash = shared.store.hash(key);
    response->group_hashes = cache::group_hashes(shared.store, of.origin(), response->groups);
    const auto path_hash = shared.store.hash(of.invalidation_key());
    if (shared.invalidations.validity_of(response->sequence, path_hash, shared.store.hash(route->name),
                                         response->group_hashes) == store::Validity::invalid) {
      return true;
    }
    if (cache::may_be_derived(*response, *route)) response->derived = std::make_shared<store::Derived>();
    bytes += response->charge() + key.size();
    if (bytes > settings.cache.memory) return false;
    response->access_history = shared.refresh_scheduler.access_history_of(*route, key, response->secondary);
    if (response->access_history) {
      cache::Order order;
      order.request = request_for(of, *response, settings);
      order.route = route;
      order.key.assign(of);
      order.hash = hash;
      if (order.request)
        shared.refresh_scheduler.fetched({order, *response, response->response_time, response->response_time},
                                         settings.cache.kept_warm);
    }
    kept.push_back({key, std::move(response)});
    return true;
  });
  // What the store got last leaves last.
  for (auto at = kept.rbegin(); at != kept.rend(); ++at)
    (void)shared.store.put(at->key, shared.store.hash(at->key), std::move(at->response));
  // Numbers go on where those of the stored responses end, whatever the log's memory says.
  shared.invalidations.advance_to(last);
  if (shared.mapped_log->may_lack_invalidations()) {
    shared.invalidations.invalidate_all(store::Validity::only_on_error);
    spdlog::warn(
        "cache.persist: the machine went down with larder running; what was stored is served only while "
        "the API fails");
  }
  if (!kept.empty()) spdlog::info("cache.persist: {} responses are back", kept.size());
  shared.store.on_change([&archive = *shared.archive](const std::string& key, std::uint64_t hash) {
    archive.changed(key, hash);
  });
  shared.archive->start(shared.store);
}

}  // namespace larder::server
