// After a 101: forwards bytes in both directions, uninterpreted, until both sides have ended (RFC 9110 7.8).
//
// The end of one direction is forwarded as a half-close, and the other direction continues. If neither
// direction has traffic for the timeout, the tunnel ends.
#pragma once

#include "net/child_task.hpp"
#include "net/transport.hpp"

#include <string>

namespace larder::server {

class Tunnel {
 public:
  Tunnel(Loop& loop, Transport& client, Transport& upstream, Millis timeout);
  /// The arguments are what has been received already.
  [[nodiscard]] Task<void> run(std::string from_client, std::string from_upstream);

 private:
  [[nodiscard]] Task<void> pump(Transport& from, Transport& to, std::string_view first);
  void cancel() noexcept;

  Loop& loop_;
  Transport& client_;
  Transport& upstream_;
  Millis timeout_;
  bool is_ending_ = false;  // one direction has ended
  Deadline deadline_;
};

}  // namespace larder::server
