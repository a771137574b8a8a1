// After a 101: forwards bytes in both directions, uninterpreted, until both sides have ended (RFC 9110 7.8).
//
// The end of one direction is forwarded as a half-close, and the other direction continues. If neither
// direction has traffic for the timeout, the tunnel ends.
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
