// The server: its loops and listeners, from binding to the end of draining.
//
// Threading: `run` runs the first loop on the calling thread and each other on a thread of its own. Unless a
// function says otherwise, it is called on the first loop.
#pragma once

#include "net/control_thread.hpp"
#include "server/listener.hpp"
#include "server/startup_prefetcher.hpp"
#include "server/worker.hpp"

#include <boost/asio/signal_set.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace larder::server {

class Server {
  // An address of `listen`, bound: a socket for each loop.
  struct Place {
    std::string key;  // the address as configured
    std::vector<Bound> bound;
    std::shared_ptr<const ListenerRules> rules;
  };

 public:
  explicit Server(std::shared_ptr<const cache::Plan> plan);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds every listener; returns a message if one cannot be bound. `names` returns the bound addresses.
  [[nodiscard]] std::optional<std::string> listen();
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  /// Serves until stopped. False if connections had to be abandoned, so that objects they use must not be
  /// destroyed.
  [[nodiscard]] bool run();

  /// New settings, with their listeners bound and their access log opened. The destructor releases them.
  class Prepared {
   public:
    Prepared(Prepared&& other) noexcept;
    Prepared& operator=(Prepared&&) = delete;
    ~Prepared();
    [[nodiscard]] const settings::Settings& settings() const noexcept { return *plan_->settings; }

   private:
    friend class Server;
    Prepared();
    std::shared_ptr<const cache::Plan> plan_;
    std::shared_ptr<LogSink> sink_;
    std::vector<Place> places_;
    std::vector<Place> added_;  // of those, the ones that were not bound before
  };
  /// Returns a message if a listener cannot be bound or the log cannot be opened; then nothing has changed.
  /// Resolves names and opens files, so it runs on the control thread, one reload at a time.
  [[nodiscard]] std::variant<Prepared, std::string> prepare(std::shared_ptr<const cache::Plan> plan);
  /// The new settings apply to requests from now on. Listeners that they do not name are closed; connections
  /// stay open. False if the server is stopping. Changes of `loops` and `cache.persist` require a restart.
  [[nodiscard]] bool commit(Prepared prepared);
  /// Evicts entries beyond the current limits, and applies lower ttls to what is stored. Callable on any
  /// thread.
  void apply_store_limits();
  /// Reopens the access log, after log rotation has renamed it. Returns a message if it cannot be opened.
  [[nodiscard]] std::optional<std::string> reopen_log();
  /// The result of the last reload. `last_reload` is callable on any thread.
  struct Reload {
    policy::WallTime when;
    bool ok = true;
    std::vector<std::string> messages;
  };
  void note_reload(bool ok, std::vector<std::string> messages) {
    const std::lock_guard lock(mutex_);
    last_reload_ = Reload{system_now().wall, ok, std::move(messages)};
  }
  [[nodiscard]] std::optional<Reload> last_reload() const {
    const std::lock_guard lock(mutex_);
    return last_reload_;
  }

  /// The certificates of the listeners and of the admin listener, each file once. Callable on any thread.
  [[nodiscard]] std::vector<tls::CertificateInfo> certificates() const;
  /// Those of the admin listener, which does not belong to the server.
  void set_admin_certificates(std::vector<tls::CertificateInfo> certificates);
  /// `warm` routes that have not been fetched yet; on any thread.
  [[nodiscard]] std::size_t warming() const noexcept { return prefetcher_.pending(); }

  /// Refuses new connections, lets requests under way finish, and ends.
  void stop();
  /// Ends at once.
  void stop_now();

  /// To be called after `run`, if the server is not to be destroyed: writes pending changes to the archive.
  void close_files() noexcept;

  [[nodiscard]] Loop& first_loop() noexcept { return workers_.front()->loop; }
  [[nodiscard]] Shared& shared() noexcept { return shared_; }
  /// For work that would block the first loop.
  [[nodiscard]] ControlThread& control() noexcept { return control_; }
  /// The current settings. Callable on any thread.
  [[nodiscard]] std::shared_ptr<const cache::Plan> plan() const {
    const std::lock_guard lock(mutex_);
    return plan_;
  }
  /// The current settings.
  [[nodiscard]] const settings::Settings& settings() const noexcept { return *plan_->settings; }
  [[nodiscard]] std::uint64_t codings_made() const noexcept { return shared_.cache.codings_made(); }
  [[nodiscard]] policy::MonoTime started() const noexcept { return started_; }
  [[nodiscard]] std::uint64_t mark_overflows() const { return shared_.cache.mark_overflows(); }
  [[nodiscard]] std::size_t kept_warm() const { return shared_.cache.refresh_scheduler().size(); }
  /// nullopt if nothing is persisted.
  [[nodiscard]] std::optional<tiers::Archive::Stats> archive_stats() const {
    return shared_.archive ? std::optional(shared_.archive->stats()) : std::nullopt;
  }
  /// nullopt before the API's first response.
  [[nodiscard]] std::optional<policy::MonoTime> last_upstream_response() const noexcept;
  [[nodiscard]] std::size_t bodies_in_flight() const noexcept { return shared_.cache.bodies().used(); }
  [[nodiscard]] store::StoreStats store_stats() const noexcept { return shared_.cache.stats(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const noexcept { return workers_; }
  [[nodiscard]] bool is_draining() const noexcept { return shared_.draining.load(std::memory_order_relaxed); }

  /// Called once, on the first loop, when no connections are accepted any more and all have ended.
  void on_stopped(std::function<void()> hook) { stopped_hook_ = std::move(hook); }

 private:
  struct Listening;
  [[nodiscard]] std::variant<Place, std::string> bind_place(const settings::Listener& listener);
  void accept_on(const Place& place);
  void close_places(const std::function<bool(const std::string& key)>& is_meant);
  void begin(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules);
  void on_every_loop(const std::function<void(Worker&)>& action);
  [[nodiscard]] Task<void> wind_down();
  [[nodiscard]] bool is_quiet() const;

  Shared shared_;
  std::shared_ptr<tls::TicketKeys> tickets_ = std::make_shared<tls::TicketKeys>();
  std::vector<tls::CertificateInfo> admin_certificates_;
  // Guards plan_, places_, last_reload_ and admin_certificates_, which only the first loop changes.
  mutable std::mutex mutex_;
  std::shared_ptr<const cache::Plan> plan_;
  std::shared_ptr<LogSink> log_sink_;  // of the access log; each loop has a reference of its own
  std::vector<std::unique_ptr<Worker>> workers_;
  StartupPrefetcher prefetcher_;
  std::vector<std::shared_ptr<Listening>> listening_;
  std::vector<Place> places_;  // one for each address of `listen`; `prepare` reads it, `commit` changes it
  std::vector<std::string> names_;
  std::function<void()> stopped_hook_;
  const policy::MonoTime started_ = system_now().mono;
  std::optional<Reload> last_reload_;
  bool stopping_ = false;
  bool at_once_ = false;
  bool clean_ = true;
  ControlThread control_;  // destroyed first, as its work refers to the others
};

}  // namespace larder::server
