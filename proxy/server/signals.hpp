// The signals that a running larder obeys: SIGHUP reloads, SIGUSR1 opens the access log anew, the first
// SIGTERM or SIGINT drains, the second one stops at once. Of the first loop.
#pragma once

#include "server/notify.hpp"
#include "server/server.hpp"

#include <boost/asio/signal_set.hpp>

#include <functional>

namespace larder::server {

class Signals {
 public:
  /// `reload` starts a reload and returns. The others outlive it.
  Signals(Server& server, Notify& notify, std::function<void()> reload);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// No signal is obeyed any more.
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
