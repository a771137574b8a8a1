// A request's body on its way upstream, while the answer may already be coming back.
//
// Runs beside the exchange that owns it, on the same loop; reads the client's body strictly, sends it in
// framing of larder's own, at the pace of the slower side: one buffer is in flight. Joined before client and
// call go away.
#pragma once

#include "http/chunked.hpp"
#include "net/child_task.hpp"
#include "server/client.hpp"
#include "upstream/call.hpp"

#include <optional>

namespace larder::server {

class Upload {
 public:
  struct Bounds {
    std::uint64_t body;  // bytes
    Millis timeout;      // between two reads
  };
  Upload(Client& client, upstream::Call& call, const http::Framing& framing, const http::Limits& limits,
         Bounds bounds);

  void start() { companion_.start("request body", run()); }

  enum class State : std::uint8_t {
    none,  // never started
    running,
    complete,
    refused,  // `refusal` says what is wrong with the body
    client_gone,
    client_late,      // nothing came for `patience`
    upstream_failed,  // upstream takes no more; its answer may say why
  };
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] http::Refusal refusal() const noexcept { return refusal_; }
  /// Something of the body has gone upstream.
  [[nodiscard]] bool has_begun() const noexcept { return sent_ > 0; }

  /// Ends it if it still runs, and waits for that.
  [[nodiscard]] Task<void> stop();

 private:
  [[nodiscard]] Task<void> run();
  [[nodiscard]] Task<State> transfer();
  [[nodiscard]] Task<std::optional<State>> await_input();
  [[nodiscard]] Task<State> transfer_length();
  [[nodiscard]] Task<State> transfer_chunked();
  [[nodiscard]] State refuse(http::Refusal reason) noexcept;

  Client& client_;
  upstream::Call& call_;
  http::Framing framing_;
  Bounds bounds_;
  http::ChunkedReader chunked_;
  Deadline deadline_;  // its own: the client's is for writing meanwhile
  ChildTask companion_;
  State state_ = State::none;
  http::Refusal refusal_ = http::Refusal::bad_chunk;
  std::uint64_t sent_ = 0;
  bool stopping_ = false;
};

}  // namespace larder::server
