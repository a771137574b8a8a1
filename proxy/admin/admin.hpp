// The admin listener: health, metrics, the status page and what is behind it, on an address of its own.
// Nothing of it is reachable through the proxy's listeners.
//
// It runs on the server's first loop. Requests pass the same gate as those of clients.
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
  /// The server outlives it.
  explicit Admin(server::Server& server);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  /// Binds and begins to serve once the first loop runs; a sentence where it cannot.
  [[nodiscard]] std::optional<std::string> listen(const settings::ListenAddress& address);
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Another address, in two steps: bound beside the one in use (a sentence where that cannot be), and then
  /// taken in its place, or given up. nullopt as address: none any more. Connections stay.
  [[nodiscard]] std::optional<std::string> prepare(const std::optional<settings::ListenAddress>& address);
  void commit();
  void give_up();

  /// What POST /api/reload does.
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
  };
  server::Server& server_;
  History history_;
  Context context_;
  std::string key_;  // the address as configured; empty = none
  std::string name_;
  std::string unix_path_;
  std::optional<Next> next_;
  std::shared_ptr<server::Acceptor> acceptor_;
  std::vector<Connection*> connections_;
  Timer timer_;
  bool closed_ = false;
};

}  // namespace larder::admin
