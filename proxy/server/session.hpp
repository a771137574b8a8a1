// A client's connection, from accept to close: reads heads, hands each request to an Exchange, keeps the
// connection or ends it.
//
// An idle session holds no buffer: it waits for readability and borrows one then.
#pragma once

#include "http/gate.hpp"
#include "server/client.hpp"
#include "server/worker.hpp"

namespace larder::server {

class Session {
 public:
  Session(Worker& worker, Socket socket, std::string address);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The connection's whole life.
  [[nodiscard]] Task<void> run();

  /// Ends it now where it waits for a request, else after the answer under way.
  void drain() noexcept;
  /// Ends it now.
  void force() noexcept;

 private:
  friend class Worker;
  enum class Next : std::uint8_t { request, close, linger };

  [[nodiscard]] Task<Next> refuse(http::Refusal reason);
  void arm_read_deadline();

  Worker& worker_;
  Client client_;
  http::RequestHead head_;
  std::size_t answered_ = 0;  // requests
  bool begun_ = false;        // the first byte of a head has come
  bool idle_ = false;         // waits for a request's first byte
  Session* previous_ = nullptr;
  Session* following_ = nullptr;
};

/// Spawns a session for an accepted socket on the worker's loop.
void begin_session(Worker& worker, Socket socket, std::string address);

}  // namespace larder::server
