// Notifications to the service manager (sd_notify(3)): ready, reloading, stopping, a status line, and, if it
// requests a watchdog, that every loop runs.
//
// Belongs to the first loop. Without a service manager (NOTIFY_SOCKET) nothing is sent.
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

  /// Sends READY=1, and begins to send the status line and the watchdog's notifications.
  void ready();
  /// To be called before and after new settings are adopted.
  void reloading();
  void reloaded();
  void stopping();
  /// Ends the notifications and cancels pending ones.
  void close();

 private:
  [[nodiscard]] Task<void> run();
  [[nodiscard]] std::string figures() const;
  [[nodiscard]] bool every_loop_turns() const;
  void send(const std::string& text) const;

  Server& server_;
  Timer timer_;
  Millis watchdog_{0};  // the service manager's watchdog period; 0 = none
  bool closed_ = false;
};

}  // namespace larder::server
