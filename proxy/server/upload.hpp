// Sends a request's body upstream, while the response may already be arriving.
//
// Runs concurrently with the exchange that owns it, on the same loop. Parses the client's body strictly and
// sends it with framing of its own, at the speed of the slower side: one buffer is in flight. Must be joined
// before the client and the call are destroyed.
#pragma once

#include "net/child_task.hpp"
#include "server/request_body.hpp"
#include "server/stream.hpp"
#include "upstream/call.hpp"

#include <optional>

namespace larder::server {

class Upload {
 public:
  struct Bounds {
    std::uint64_t body;  // bytes
    Millis timeout;      // between two reads
    std::uint64_t rate;  // bytes per second, at least
  };
  Upload(Stream& stream, RequestBody& body, upstream::Call& call, const http::Framing& framing,
         Bounds bounds);

  void start() { companion_.start("request body", run()); }

  enum class State : std::uint8_t {
    none,  // never started
    running,
    complete,
    refused,  // `refusal` is the reason
    client_gone,
    client_late,      // no byte arrived within the timeout, or they arrive too slowly
    upstream_failed,  // upstream accepts no more; its response may state the reason
  };
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] http::Refusal refusal() const noexcept { return refusal_; }
  /// Whether a part of the body has been sent upstream.
  [[nodiscard]] bool has_begun() const noexcept { return sent_ > 0; }

  /// Cancels it if it still runs, and waits for its end.
  [[nodiscard]] Task<void> stop();

 private:
  [[nodiscard]] Task<void> run();
  [[nodiscard]] Task<State> transfer();

  [[nodiscard]] Task<Stream::Piece> next_piece();

  Stream& stream_;
  RequestBody& body_;
  upstream::Call& call_;
  http::Framing framing_;
  Bounds bounds_;
  ChildTask companion_;
  State state_ = State::none;
  http::Refusal refusal_ = http::Refusal::bad_chunk;
  std::uint64_t sent_ = 0;
  // Since the last check of the rate:
  Millis waited_{0};  // for the client
  std::uint64_t received_ = 0;
  bool stopping_ = false;
};

}  // namespace larder::server
