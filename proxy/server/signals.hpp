// Signals: SIGHUP reloads, SIGUSR1 reopens the access log, the first SIGTERM or SIGINT drains, the second one
// stops at once. Belongs to the first loop.
#pragma once

#include "server/notify.hpp"
#include "server/server.hpp"

#include <boost/asio/signal_set.hpp>

#include <functional>

namespace larder::server {

class Signals {
 public:
  /// `reload` starts a reload and returns. The other arguments must outlive this object.
  Signals(Server& server, Notify& notify, std::function<void()> reload);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// Later signals have no effect.
  void close() { set_.cancel(); }

 private:
  void wait();
  void obey(int signal);

  Server& server_;
  Notify& notify_;
  std::function<void()> reload_;
  asio::signal_set set_;
};

}  // namespace larder::server
