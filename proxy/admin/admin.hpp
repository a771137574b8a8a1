// The admin listener: health and metrics, on an address of its own. Nothing of it is reachable through the
// proxy's listeners.
//
// It runs on the server's first loop. Requests pass the same gate as everybody's; each is answered whole, so
// nothing here waits.
#pragma once

#include "server/server.hpp"

#include <memory>
#include <optional>
#include <string>

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

  /// Closes the listener and every connection.
  void close();

 private:
  class Connection;
  void begin(Socket socket);

  server::Server& server_;
  std::string name_;
  std::string unix_path_;
  std::unique_ptr<server::Acceptor> acceptor_;
  std::vector<Connection*> connections_;
};

}  // namespace larder::admin
