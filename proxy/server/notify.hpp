// What the service manager is told (sd_notify(3)): ready, reloading, stopping, a line of figures, and, where
// it asks for it, that every loop still turns.
//
// Of the first loop. Without a service manager (NOTIFY_SOCKET) nothing is sent.
#pragma once

#include "server/server.hpp"

#include <chrono>
#include <string>

namespace larder::server {

class Notify {
 public:
  explicit Notify(Server& server);
  Notify(const Notify&) = delete;
  Notify& operator=(const Notify&) = delete;

  /// Says READY=1, and begins to tell of figures and of life.
  void ready();
  /// Between these two new settings are taken over.
  void reloading();
  void reloaded();
  void stopping();
  /// No more; what is pending is cancelled.
  void close();

 private:
  [[nodiscard]] Task<void> run();
  [[nodiscard]] std::string figures() const;
  [[nodiscard]] bool every_loop_turns() const;
  void send(const std::string& text) const;

  Server& server_;
  Timer timer_;
  Millis watchdog_{0};  // the service manager wants a sign so often; 0 = it does not
  bool closed_ = false;
};

}  // namespace larder::server
