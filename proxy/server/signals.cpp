#include "server/signals.hpp"

#include <spdlog/spdlog.h>

#include <csignal>

namespace larder::server {

Signals::Signals(Server& server, Notify& notify, std::function<void()> reload)
    : server_(server),
      notify_(notify),
      reload_(std::move(reload)),
      set_(server.first_loop().io(), SIGHUP, SIGTERM, SIGINT) {
  set_.add(SIGUSR1);
  wait();
}

void Signals::wait() {
  set_.async_wait([this](const Error& error, int signal) {
    if (error) return;
    obey(signal);
    wait();
  });
}

void Signals::obey(int signal) {
  if (signal == SIGHUP) return reload_();
  if (signal == SIGUSR1) {
    if (const auto failed = server_.reopen_log()) spdlog::error("{}", *failed);
    return;
  }
  if (server_.is_draining()) {
    spdlog::info("stopping at once");
    server_.stop_now();
    return;
  }
  notify_.stopping();
  server_.stop();
  // Logged afterwards, so that a response to a request that follows the line ends its connection.
  spdlog::info("stopping: draining connections");
}

}  // namespace larder::server
