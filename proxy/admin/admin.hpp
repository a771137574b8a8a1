// The admin listener: health, metrics, the status page and its API, on a separate address. Not reachable
// through the proxy's listeners.
//
// Runs on the server's first loop. Requests pass the same gate as those of clients.
#pragma once

#include "admin/resources.hpp"
#include "server/server.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace larder::admin {

class Admin {
 public:
  /// `server` must outlive this object.
  explicit Admin(server::Server& server);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  /// Binds; serving starts once the first loop runs. Returns an error message if binding fails.
  [[nodiscard]] std::optional<std::string> listen(const settings::Settings& settings);
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Changes the listener in two steps: prepare() reads certificates, binds the new address beside the one in
  /// use and returns an error message if that fails; then commit() switches to it, or give_up() discards it.
  /// Settings without `admin` disable the listener. Existing connections are kept.
  [[nodiscard]] std::optional<std::string> prepare(const settings::Settings& settings);
  void commit();
  void give_up();

  /// Sets the handler of POST /api/reload.
  void on_reload(std::function<Task<ReloadReport>()> reload) { context_.reload = std::move(reload); }

  /// Closes the listener and every connection.
  void close();

 private:
  class Connection;
  void begin(Socket socket);
  [[nodiscard]] Task<void> keep_history();

  void accept_on(const server::Bound& bound);

  struct Next {
    std::optional<server::Bound> bound;
    std::string key;
    std::shared_ptr<const server::ListenerRules> rules;
  };
  server::Server& server_;
  History history_;
  Context context_;
  std::string key_;  // address as configured; empty if none
  std::string name_;
  std::shared_ptr<tls::TicketKeys> tickets_ = std::make_shared<tls::TicketKeys>();
  std::shared_ptr<const server::ListenerRules> rules_;  // of connections from now on
  std::string unix_path_;
  std::optional<Next> next_;
  std::shared_ptr<server::Acceptor> acceptor_;
  std::vector<Connection*> connections_;
  Timer timer_;
  bool closed_ = false;
};

}  // namespace larder::admin
