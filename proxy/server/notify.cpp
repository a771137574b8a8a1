#include "server/notify.hpp"

#include "net/spawn.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <ctime>

namespace larder::server {

namespace {

constexpr Millis figures_interval{5000};

// systemd compares this time with the start of the reload.
std::uint64_t monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

std::string bytes_text(std::size_t bytes) {
  if (bytes < 1024 * 1024) return fmt::format("{} KiB", bytes / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

}  // namespace

Notify::Notify(Server& server) : server_(server), timer_(server.first_loop().executor()) {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) > 0)
    watchdog_ = std::chrono::duration_cast<Millis>(std::chrono::microseconds{microseconds});
}

void Notify::send(const std::string& text) const {
  (void)::sd_notify(0, text.c_str());
}

void Notify::ready() {
  send("READY=1\nSTATUS=" + figures());
  spawn(server_.first_loop(), "service notification", run());
}

void Notify::reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", monotonic_microseconds()));
}

void Notify::reloaded() {
  send("READY=1\nSTATUS=" + figures());
}

void Notify::stopping() {
  send("STOPPING=1\nSTATUS=draining");
}

void Notify::close() {
  closed_ = true;
  timer_.cancel();
}

// Notifies twice per watchdog period, so that one late notification does not exceed it.
Task<void> Notify::run() {
  const auto interval = watchdog_.count() > 0 ? std::min(watchdog_ / 2, figures_interval) : figures_interval;
  auto told = system_now().mono;
  while (!closed_) {
    timer_.expires_after(interval);
    co_await timer_.async_wait(as_result);
    if (closed_) co_return;
    const auto now = system_now().mono;
    std::string text;
    if (watchdog_.count() > 0 && every_loop_turns()) text = "WATCHDOG=1";
    if (now - told >= figures_interval && !server_.is_draining()) {
      told = now;
      text += (text.empty() ? "STATUS=" : "\nSTATUS=") + figures();
    }
    if (!text.empty()) send(text);
  }
}

bool Notify::every_loop_turns() const {
  const auto now = system_now().mono;
  return std::all_of(server_.workers().begin(), server_.workers().end(),
                     [&](const auto& worker) { return now - worker->loop.last_turn() < watchdog_ / 2; });
}

std::string Notify::figures() const {
  std::int64_t requests = 0;
  std::int64_t hits = 0;
  std::int64_t upstream = 0;
  std::int64_t open = 0;
  using policy::OutcomeLabel;
  for (const auto& worker : server_.workers()) {
    const auto& counters = worker->loop.counters_view();
    upstream += counters.upstream_requests.value();
    open += counters.breakers_open.value();
    worker->each_route([&](const std::string&, const RouteCounters& route) {
      for (std::size_t i = 0; i < policy::label_count; ++i) requests += route.outcomes[i].value();
      for (const auto word : {OutcomeLabel::hit, OutcomeLabel::stale, OutcomeLabel::collapsed})
        hits += route.outcomes[static_cast<std::size_t>(word)].value();
    });
  }
  const auto stored = server_.store_stats();
  auto text = fmt::format("{} requests, {} upstream", requests, upstream);
  if (requests > 0) text += fmt::format(", {} % spared", 100 * hits / requests);
  text += fmt::format("; {} entries, {}", stored.entries, bytes_text(stored.bytes));
  if (open > 0) text += "; the API does not respond";
  return text;
}

}  // namespace larder::server
