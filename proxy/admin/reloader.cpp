#include "admin/reloader.hpp"

#include "cache/plan.hpp"
#include "server/log.hpp"

#include <spdlog/spdlog.h>

namespace larder::admin {

// New settings that are ready to be applied; without `prepared` they were refused.
struct Reloader::Attempt {
  ReloadReport report;
  std::optional<server::Server::Prepared> prepared;
};

// Marks a reload as running. The destructor lets the next one start, on every path.
class Reloader::Turn {
 public:
  explicit Turn(Reloader& reloader) : reloader_(reloader) { reloader_.running_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    reloader_.running_ = false;
    if (reloader_.waiting_.empty()) return;
    reloader_.waiting_.front()->raise();
    reloader_.waiting_.pop_front();
  }

 private:
  Reloader& reloader_;
};

Reloader::Reloader(server::Server& server, Admin& admin, server::Notify& notify, std::string file,
                   std::function<settings::Loaded()> load)
    : server_(server),
      admin_(admin),
      notify_(notify),
      file_(std::move(file)),
      load_(std::move(load)),
      loops_(server.settings().loops),
      persist_(server.settings().cache.persist) {}

Task<ReloadReport> Reloader::reload() {
  while (running_) {
    const auto event = std::make_shared<Event>(server_.first_loop());
    waiting_.push_back(event);
    co_await event->wait();
  }
  const Turn turn(*this);
  notify_.reloading();
  auto report = co_await try_once();
  for (const auto& message : report.messages) {
    if (report.ok)
      spdlog::warn("reload: {}", message);
    else
      spdlog::error("reload: {}", message);
  }
  if (report.ok)
    spdlog::info("reloaded {}", file_);
  else
    spdlog::error("reload failed: the previous settings stay in force");
  server_.note_reload(report.ok, report.messages);
  notify_.reloaded();
  co_return report;
}

Task<ReloadReport> Reloader::try_once() {
  auto& control = server_.control();
  auto& loop = server_.first_loop();
  ReloadReport report;
  try {
    const std::function<std::shared_ptr<Attempt>()> work = [this] {
      return std::make_shared<Attempt>(attempt());
    };
    auto result = co_await control.run(loop, work);
    report = std::move(result->report);
    if (!result->prepared) co_return report;
    const auto level = result->prepared->settings().log_level;
    if (!server_.commit(std::move(*result->prepared))) {
      admin_.give_up();
      report.messages = {"larder is stopping"};
      co_return report;
    }
    admin_.commit();
    server::set_log_level(level);
    report.ok = true;
  } catch (const std::exception& error) {
    admin_.give_up();
    report.messages = {error.what()};
    co_return report;
  }
  // On the control thread, because a smaller cache may have to evict many entries.
  const std::function<bool()> evict = [this] {
    server_.apply_store_limits();
    return true;
  };
  (void)co_await control.run(loop, evict);
  co_return report;
}

Reloader::Attempt Reloader::attempt() {
  Attempt result;
  auto& messages = result.report.messages;
  const auto loaded = load_();
  for (const auto& problem : loaded.problems) messages.push_back(problem.text());
  if (!loaded.settings) return result;
  std::string error;
  auto plan = cache::make_plan(loaded.settings, error);
  if (!plan) {
    messages.push_back(file_ + ": " + error);
    return result;
  }
  const auto& next = *plan->settings;
  if (auto failed = admin_.prepare(next)) {
    messages.push_back(*failed);
    return result;
  }
  if (next.loops != loops_) messages.push_back(file_ + ": changing loops requires a restart");
  if (next.cache.persist != persist_)
    messages.push_back(file_ + ": changing cache.persist requires a restart");
  auto prepared = server_.prepare(plan);
  if (auto* failed = std::get_if<std::string>(&prepared)) {
    admin_.give_up();
    messages = {std::move(*failed)};
    return result;
  }
  result.prepared.emplace(std::move(std::get<server::Server::Prepared>(prepared)));
  return result;
}

}  // namespace larder::admin
