#include "admin/status.hpp"

#include "admin/json.hpp"
#include "admin/totals.hpp"
#include "policy/decide.hpp"
#include "policy/purge.hpp"

#include <fmt/format.h>

namespace larder::admin {

namespace {

double seconds(Millis time) {
  return std::chrono::duration<double>(time).count();
}

json::object reasons_json(const RouteTotals& totals) {
  Object object;
  for (std::size_t i = 0; i < policy::detail_count; ++i) {
    if (totals.not_stored[i] != 0)
      object.real(policy::name_of(static_cast<policy::Detail>(i)), totals.not_stored[i]);
  }
  return object.take();
}

json::object totals_json(const RouteTotals& totals, const std::string* route) {
  Object object;
  if (route != nullptr) object.text("route", *route);
  object.real("requests", totals.requests());
  object.real("spared", totals.spared());
  for (std::size_t i = 0; i < policy::label_count; ++i)
    object.real(policy::name_of(static_cast<policy::OutcomeLabel>(i)), totals.outcomes[i]);
#define LARDER_ADD(member, name, ...) object.real(name, totals.member);
  LARDER_ROUTE_COUNTERS(LARDER_ADD)
#undef LARDER_ADD
  const auto answers = totals.upstream.count();
  const auto mean = answers > 0 ? totals.upstream.sum / answers : 0;
  object.real("upstream_answers", answers);
  object.real("upstream_seconds", totals.upstream.sum);
  object.real("upstream_mean_seconds", mean);
  // The time that the avoided requests would have taken at the API.
  object.real("spared_seconds", mean * totals.spared());
  const auto waits = totals.waits.count();
  object.real("waits", waits);
  object.real("waited_seconds", totals.waits.sum);
  object.real("wait_mean_seconds", waits > 0 ? totals.waits.sum / waits : 0);
  const auto requests = totals.requests();
  object.real("reader_mean_seconds", requests > 0 ? totals.waits.sum / requests : 0);
  object.add("not_stored", reasons_json(totals));
  return object.take();
}

double sum(const server::Server& server, Counter Counters::*member) {
  double total = 0;
  for (const auto& worker : server.workers())
    total += static_cast<double>((worker->loop.counters_view().*member).value());
  return total;
}

json::object refusals_json(const server::Server& server) {
  Object object;
  for (std::size_t i = 0; i < refusal_count; ++i) {
    std::int64_t count = 0;
    for (const auto& worker : server.workers())
      count += worker->loop.counters_view().refused_requests[i].value();
    if (count != 0) object.number(http::name_of(static_cast<http::Refusal>(i)), count);
  }
  return object.take();
}

// Only names are shown, as the values may be secrets.
std::string names_of(const policy::SecondaryKey& secondary) {
  std::vector<std::string> names;
  for (const auto& field : secondary) {
    if (field.value) names.push_back(field.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string status_json(const server::Server& server) {
  const auto now = system_now();
  const auto plan = server.plan();
  const auto& settings = *plan->settings;
  const auto routes = totals_of(server);
  RouteTotals all;
  json::array each;
  double spared_seconds = 0;
  for (const auto& [name, totals] : routes) {
    all.add(totals);
    each.push_back(totals_json(totals, &name));
    const auto answers = totals.upstream.count();
    if (answers > 0) spared_seconds += totals.upstream.sum / answers * totals.spared();
  }
  Object object;
  object.text("version", LARDER_VERSION);
  object.real("uptime_seconds", seconds(now.mono - server.started()));
  object.boolean("draining", server.is_draining());
  object.number("warming", static_cast<std::int64_t>(server.warming()));
  object.text("upstream", settings.upstream.url);
  object.real("upstream_breakers_open", sum(server, &Counters::breakers_open));
  object.real("upstream_busy", sum(server, &Counters::upstream_busy));
  object.real("upstream_queue", sum(server, &Counters::upstream_queue));
  object.real("upstream_errors", sum(server, &Counters::upstream_errors));
  if (const auto heard = server.last_upstream_response())
    object.real("upstream_heard_seconds_ago", seconds(std::chrono::duration_cast<Millis>(now.mono - *heard)));
  object.real("log_lines_dropped", sum(server, &Counters::log_lines_dropped));
  object.real("connections", sum(server, &Counters::connections));
  object.real("fills_running", sum(server, &Counters::fills_running));
  object.real("refreshes", sum(server, &Counters::refreshes));
  object.real("invalidations", sum(server, &Counters::invalidations));
  object.add("refused", refusals_json(server));
  const auto stored = server.store_stats();
  object.number("entries", static_cast<std::int64_t>(stored.entries));
  object.number("stored_bytes", static_cast<std::int64_t>(stored.bytes));
  object.number("memory_bytes", static_cast<std::int64_t>(settings.cache.memory));
  object.number("evictions", static_cast<std::int64_t>(stored.evictions));
  object.number("kept_warm", static_cast<std::int64_t>(server.kept_warm()));
  if (const auto persisted = server.archive_stats()) {
    object.number("persisted_bytes", static_cast<std::int64_t>(persisted->bytes));
    object.number("persist_failures", static_cast<std::int64_t>(persisted->failures));
  }
  if (const auto reload = server.last_reload()) {
    object.boolean("last_reload_ok", reload->ok);
    object.real("last_reload_seconds_ago", seconds(now.wall - reload->when));
    json::array messages;
    for (const auto& message : reload->messages) messages.push_back(utf8(message));
    object.add("last_reload_messages", std::move(messages));
  }
  object.real("spared_seconds", spared_seconds);
  object.add("total", totals_json(all, nullptr));
  object.add("routes", std::move(each));
  return object.str();
}

std::string entries_json(server::Server& server, const std::string& prefix, std::size_t limit) {
  const policy::Purge meant{prefix.empty() ? policy::Purge::What::all : policy::Purge::What::prefix, prefix,
                            false};
  auto& cache = server.shared().cache;
  const auto now = system_now().mono;
  json::array entries;
  cache.each([&](const store::Entry& entry) {
    const policy::KeyView key(entry.key);
    if (!meant.concerns(key, {})) return true;
    Object object;
    object.text("key", key.url());
    object.text("hash", fmt::format("{:016x}", cache.hash(entry.key)));  // same format as in the access log
    object.number("charge", static_cast<std::int64_t>(entry.charge()));
    json::array variants;
    for (const auto& variant : entry.variants) {
      Object one;
      one.number("status", variant->status);
      one.number("bytes", static_cast<std::int64_t>(variant->body->size()));
      one.real("age_seconds", seconds(variant->age(now)));
      one.number("ttl", policy::ttl_seconds(*variant, now));
      one.real("lifetime_seconds", seconds(variant->lifetime.value));
      if (!variant->secondary.empty()) one.text("varies_by", names_of(variant->secondary));
      variants.push_back(one.take());
    }
    object.add("variants", std::move(variants));
    entries.push_back(object.take());
    return entries.size() < limit;
  });
  Object answer;
  answer.number("entries", static_cast<std::int64_t>(cache.stats().entries));
  answer.add("shown", std::move(entries));
  return answer.str();
}

}  // namespace larder::admin
