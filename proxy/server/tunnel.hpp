// After a 101: bytes both ways until both sides have ended (RFC 9110 7.8). Knows nothing of what they mean.
//
// An end of one side is passed on as an end and the other direction goes on; silence in both directions for
// `patience` ends the tunnel.
#pragma once

#include "net/child_task.hpp"
#include "server/client.hpp"
#include "upstream/pool.hpp"

namespace larder::server {

class Tunnel {
 public:
  Tunnel(Client& client, upstream::Connection& upstream, Millis timeout);
  [[nodiscard]] Task<void> run();

 private:
  [[nodiscard]] Task<void> pump(Transport& from, Transport& to, std::string_view first);
  void cancel() noexcept;

  Client& client_;
  upstream::Connection& upstream_;
  Millis patience_;
  Deadline deadline_;
};

}  // namespace larder::server
