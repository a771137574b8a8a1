// A stream that carries another protocol (RFC 8441): a Transport::Layer over an Http2Stream.
#pragma once

#include "net/transport.hpp"

#include <string>

namespace larder::server {

class Http2Stream;

class Http2Tunnel final : public Transport::Layer {
 public:
  /// The stream outlives it.
  explicit Http2Tunnel(Http2Stream& stream) noexcept : stream_(stream) {}

  Io read_some(std::span<char> room) noexcept override;
  Io write_some(Transport::Pieces pieces) noexcept override;
  Task<Error> wait(Transport& below, Transport::Wait what) override;
  void cancel(Transport& below) noexcept override;
  void shutdown_write(Transport& below) noexcept override;
  bool is_quiet(Transport& below) noexcept override;
  bool has_ended(Transport& below) noexcept override;
  void close() noexcept override;

 private:
  Http2Stream& stream_;
  std::string output_;          // what nghttp2 has not taken yet
  unsigned cancellations_ = 0;  // waits that begin after one are not ended by it
};

}  // namespace larder::server
