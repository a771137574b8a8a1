#include "admin/metrics.hpp"

#include "admin/totals.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>
#include <sstream>

namespace larder::admin {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Exposition {
 public:
  /// Help is of the first row of a metric.
  MetricFamily& family(const char* name, const char* help, MetricType type) {
    if (!families_.empty() && families_.back().name == name) return families_.back();
    auto& added = families_.emplace_back();
    added.name = name;
    added.help = help;
    added.type = type;
    return added;
  }
  static void add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
    auto& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
  }
  void counter(const char* name, const char* help, double value) {
    add(family(name, help, MetricType::Counter), {}, value);
  }
  void gauge(const char* name, const char* help, double value) {
    add(family(name, help, MetricType::Gauge), {}, value);
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

template <class Array>
std::vector<double> sums(const server::Server& server, Array member) {
  std::vector<double> totals;
  for (const auto& worker : server.workers()) {
    const auto& counters = worker->loop.counters_view().*member;
    totals.resize(counters.size());
    for (std::size_t i = 0; i < counters.size(); ++i) totals[i] += static_cast<double>(counters[i].value());
  }
  return totals;
}

using Routes = std::map<std::string, RouteTotals>;

// `text` is `name=value`, or empty.
void add_label(std::string_view text, std::vector<ClientMetric::Label>& labels) {
  if (text.empty()) return;
  const auto equals = text.find('=');
  labels.push_back({std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))});
}

void add_counts(const Routes& routes, const char* name, const char* label, const char* help,
                double RouteTotals::*member, Exposition& exposition) {
  auto& family = exposition.family(name, help, MetricType::Counter);
  for (const auto& [route, totals] : routes) {
    std::vector<ClientMetric::Label> labels{{"route", route}};
    add_label(label, labels);
    Exposition::add(family, std::move(labels), totals.*member);
  }
}

void add_times(const Routes& routes, const char* name, const char* help,
               RouteTotals::Times RouteTotals::*member, Exposition& exposition) {
  auto& family = exposition.family(name, help, MetricType::Histogram);
  for (const auto& [route, totals] : routes) {
    const auto& times = totals.*member;
    auto& metric = family.metric.emplace_back();
    metric.label = {{"route", route}};
    double below = 0;
    for (std::size_t i = 0; i < times.counts.size(); ++i) {
      below += times.counts[i];
      const bool last = i == Histogram::bounds.size();
      metric.histogram.bucket.push_back(
          {static_cast<std::uint64_t>(below),
           last ? std::numeric_limits<double>::infinity() : Histogram::bounds[i]});
    }
    metric.histogram.sample_count = static_cast<std::uint64_t>(below);
    metric.histogram.sample_sum = times.sum;
  }
}

void add_routes(const Routes& routes, Exposition& exposition) {
  auto& requests = exposition.family("larder_requests_total",
                                     "Responses sent to clients, by route and outcome", MetricType::Counter);
  for (const auto& [name, totals] : routes) {
    for (std::size_t i = 0; i < policy::label_count; ++i) {
      if (totals.outcomes[i] == 0) continue;
      const auto outcome = std::string(policy::name_of(static_cast<policy::OutcomeLabel>(i)));
      Exposition::add(requests, {{"route", name}, {"outcome", outcome}}, totals.outcomes[i]);
    }
  }
#define LARDER_ADD(member, status, name, label, help) \
  add_counts(routes, name, label, help, &RouteTotals::member, exposition);
  LARDER_ROUTE_COUNTERS(LARDER_ADD)
#undef LARDER_ADD
#define LARDER_ADD(member, name, help) add_times(routes, name, help, &RouteTotals::member, exposition);
  LARDER_ROUTE_TIMES(LARDER_ADD)
#undef LARDER_ADD
}

void add_loops(const server::Server& server, Exposition& exposition) {
  using enum MetricType;
  constexpr auto counter = Counter;
  constexpr auto gauge = Gauge;
  const auto add = [&](larder::Counter Counters::*member, MetricType type, const char* name,
                       const char* label, const char* help) {
    double total = 0;
    for (const auto& worker : server.workers())
      total += static_cast<double>((worker->loop.counters_view().*member).value());
    std::vector<ClientMetric::Label> labels;
    add_label(label, labels);
    Exposition::add(exposition.family(name, help, type), std::move(labels), total);
  };
#define LARDER_ADD(member, type, name, label, help) add(&Counters::member, type, name, label, help);
  LARDER_LOOP_COUNTERS(LARDER_ADD)
#undef LARDER_ADD
}

void add_reasons(const server::Server& server, const Routes& routes, Exposition& exposition) {
  auto& refused = exposition.family(
      "larder_refused_total", "Requests refused as malformed or ambiguous, by reason", MetricType::Counter);
  const auto requests = sums(server, &Counters::refused_requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i] != 0)
      Exposition::add(refused, {{"reason", std::string(http::name_of(static_cast<http::Refusal>(i)))}},
                      requests[i]);
  }
  auto& failures = exposition.family("larder_upstream_failures_total",
                                     "Requests to the API without a usable response, by kind of failure",
                                     MetricType::Counter);
  auto& refusals = exposition.family(
      "larder_upstream_refusals_total",
      "Requests not sent to the API because of a limit of larder's own, by reason", MetricType::Counter);
  const auto failed = sums(server, &Counters::upstream_failures);
  for (std::size_t i = 0; i < upstream::failure_kinds; ++i) {
    const upstream::Failure failure{static_cast<upstream::FailureKind>(i), {}, {}};
    const auto name = std::string(failure.name());
    if (failure.is_of_larder())
      Exposition::add(refusals, {{"reason", name}}, failed[i]);
    else
      Exposition::add(failures, {{"kind", name}}, failed[i]);
  }
  auto& not_stored =
      exposition.family("larder_not_stored_total",
                        "Responses fetched for the cache and not stored, by reason", MetricType::Counter);
  RouteTotals all;
  for (const auto& [name, totals] : routes) all.add(totals);
  for (std::size_t i = 0; i < policy::detail_count; ++i) {
    if (all.not_stored[i] != 0)
      Exposition::add(not_stored, {{"reason", std::string(policy::name_of(static_cast<policy::Detail>(i)))}},
                      all.not_stored[i]);
  }
}

}  // namespace

std::string metrics_text(const server::Server& server) {
  Exposition out;
  const auto routes = totals_of(server);
  add_routes(routes, out);
  add_reasons(server, routes, out);
  add_loops(server, out);
  out.counter(
      "larder_mark_overflows_total",
      "Times that the record of the last writes was full, so that responses under way, and those to be "
      "restored, from before its older half are not used",
      static_cast<double>(server.mark_overflows()));
  out.gauge("larder_kept_warm", "Entries that keep_warm refreshes", static_cast<double>(server.kept_warm()));
  if (const auto persisted = server.archive_stats()) {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    out.counter("larder_persist_written_total", "Responses written to cache.persist",
                count(persisted->written));
    out.counter("larder_persist_failures_total", "Failures to open, write or restore from cache.persist",
                count(persisted->failures));
    out.counter("larder_persist_loaded_total", "Responses read from cache.persist at startup",
                count(persisted->loaded));
    out.counter("larder_persist_damaged_total", "Damaged rows found in cache.persist",
                count(persisted->unsound));
    out.gauge("larder_persist_bytes", "Bytes charged to cache.persist_size", count(persisted->bytes));
    out.gauge("larder_persist_restoring", "1 while responses of the last run are being restored",
              persisted->restoring ? 1 : 0);
    out.gauge("larder_persist_waiting", "Changes waiting to be written to cache.persist",
              count(persisted->waiting));
  }
  for (const auto& certificate : server.certificates()) {
    auto& family =
        out.family("larder_tls_certificate_expiry_seconds",
                   "When the certificate of a listener, or of the admin listener, expires, as Unix time",
                   MetricType::Gauge);
    Exposition::add(family, {{"file", certificate.file}},
                    std::chrono::duration<double>(certificate.expires.time_since_epoch()).count());
  }
  if (const auto& reload = server.last_reload()) {
    out.gauge("larder_config_last_reload_successful", "Whether the last reload succeeded",
              reload->ok ? 1 : 0);
    out.gauge("larder_config_last_reload_timestamp_seconds", "Time of the last reload",
              std::chrono::duration<double>(reload->when.time_since_epoch()).count());
  }
  auto& lag =
      out.family("larder_loop_lag_seconds",
                 "How late the event loop runs its timers, maximum of the most recent", MetricType::Gauge);
  for (const auto& worker : server.workers())
    Exposition::add(lag, {{"loop", std::to_string(worker->loop.index())}},
                    std::chrono::duration<double>(worker->loop.lag()).count());
  out.counter("larder_codings_total", "Encoded representations made of stored responses",
              static_cast<double>(server.codings_made()));
  out.gauge("larder_bodies_in_flight_bytes", "Bytes of bodies being received, of limits.bodies_in_flight",
            static_cast<double>(server.bodies_in_flight()));
  const auto stats = server.store_stats();
  out.gauge("larder_store_entries", "Stored entries", static_cast<double>(stats.entries));
  out.gauge("larder_store_bytes", "Bytes charged to cache.memory", static_cast<double>(stats.bytes));
  out.counter("larder_store_evictions_total", "Entries evicted to stay within cache.memory",
              static_cast<double>(stats.evictions));
  return out.text();
}

}  // namespace larder::admin
