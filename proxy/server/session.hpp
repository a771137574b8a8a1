// A client's connection, from accept to close: reads heads, hands each request to an Exchange, keeps the
// connection or ends it.
//
// An idle session is small: what it needs for a request, a buffer and a Turn, is lent to it for as long as it
// has one.
#pragma once

#include "http/gate.hpp"
#include "server/client.hpp"
#include "server/exchange.hpp"
#include "server/worker.hpp"

#include <memory>
#include <optional>

namespace larder::server {

/// What a request under way needs of its session.
struct Turn {
  http::RequestHead head;
  std::optional<Exchange> exchange;
};

class Session {
 public:
  Session(Worker& worker, Socket socket, std::string address);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The connection's whole life, at the end of which the session is gone.
  [[nodiscard]] static Task<void> live(std::unique_ptr<Session> session);

  /// Ends it now where it waits for a request, else after the answer under way.
  void drain() noexcept;
  /// Ends it now.
  void force() noexcept;

 private:
  friend class Worker;
  enum class Next : std::uint8_t { request, close, linger };

  /// A head has been read, of so many bytes: answers at once, or Exchange::Done::not_yet.
  [[nodiscard]] Exchange::Done answer_now(std::size_t head_size);
  [[nodiscard]] Task<Next> refuse(http::Refusal reason);
  void arm_read_deadline();
  void give_back_turn() noexcept;

  Worker& worker_;
  Client client_;
  std::unique_ptr<Turn> turn_;  // nullptr while there is no input
  std::size_t answered_ = 0;    // requests
  bool begun_ = false;          // the first byte of a head has come
  bool idle_ = false;           // waits for a request's first byte
  Session* previous_ = nullptr;
  Session* following_ = nullptr;
};

/// Spawns a session for an accepted socket on the worker's loop.
void begin_session(Worker& worker, Socket socket, std::string address);

}  // namespace larder::server
