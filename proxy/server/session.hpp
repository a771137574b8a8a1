// A client's connection, from accept to close: reads heads, hands each request to an Exchange, keeps the
// connection or ends it.
//
// A session is at rest while it waits for input, and its worker's list is all that holds it. Input is read,
// and what can be answered at once is, in one plain function (`proceed`). Only what has to wait for something
// becomes a coroutine (`attend`), which holds the session until it is at rest again. What a request needs, a
// buffer and a RequestContext, is acquired for as long as there is a request.
#pragma once

#include "http/gate.hpp"
#include "net/tls_layer.hpp"
#include "server/client.hpp"
#include "server/exchange.hpp"
#include "server/http1_stream.hpp"
#include "server/http2_connection.hpp"
#include "server/listener.hpp"
#include "server/worker.hpp"

#include <memory>
#include <optional>

namespace larder::server {

/// What a request under way needs of its session.
struct RequestContext {
  http::RequestHead head;
  ExchangeMemory memory;
  std::string lines;  // the stream's
  std::optional<Http1Stream> stream;
  std::optional<Exchange> exchange;  // refers to all of the above
};

class Session final : public SessionHook,
                      public HandshakeHook,
                      private IdleSet::Connection,
                      private Client::Owner,
                      private Http2Connection::Owner {
 public:
  /// Takes its place in the worker's list.
  Session(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules,
          std::unique_ptr<Transport::Layer> layer);
  ~Session();  // `end_at_rest`, or the end of `attend`
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Once; the session may be gone afterwards.
  void begin() noexcept;
  /// Ends it where it is at rest.
  void end_at_rest() noexcept;

  /// It waits for a request's first byte, and may be ended.
  [[nodiscard]] bool is_idle() const noexcept { return idle_ && !attended_; }
  [[nodiscard]] bool has_answered() const noexcept { return answered_ > 0; }

  /// Ends it now where it waits for a request, else after the answer under way.
  void drain() noexcept;
  /// Ends it now.
  void force() noexcept;
  /// Ends it after the requests under way if it is an HTTP/2 connection of that listener.
  void end_http2_of(const std::string& listener) noexcept;

 private:
  friend class Worker;
  // What comes next.
  enum class Step : std::uint8_t {
    rest,      // there is no input
    flush,     // a handshake has to write before there can be input
    finish,    // an exchange has something to wait for
    refuse,    // the input is refused
    redirect,  // to https
    yield,     // it has had its turn, and there is more: others first
    linger,    // answered before the request was read whole
    http2,     // the connection is one of HTTP/2
    close,
  };

  void on_input(bool ends) noexcept override;
  void on_cancelled() noexcept override;
  /// Goes on from the state of rest; the session may be gone afterwards.
  void go_on() noexcept;
  /// Reads, and answers what can be answered at once, until there is something else to be done.
  [[nodiscard]] Step proceed();
  [[nodiscard]] static Task<void> attend(std::unique_ptr<Session> session, Step step);
  void settle(std::unique_ptr<Session> self) noexcept;
  /// The response has been sent, or cannot be: ends the exchange.
  [[nodiscard]] Step end_exchange() noexcept;

  /// Handles a request whose head has that many bytes. `finish` if the response has to wait.
  [[nodiscard]] Step answer_now(std::size_t head_size);
  /// What the response waits for.
  [[nodiscard]] Task<void> finish_exchange();
  [[nodiscard]] Task<Step> refuse(http::Refusal reason);
  void refuse_late_head();
  /// Sends the 308 of a listener with redirect: https.
  [[nodiscard]] Task<Step> redirect();
  /// Why the request must not be served on this connection; nullopt if it may.
  [[nodiscard]] std::optional<http::Refusal> refusal_of_listener(
      const http::RequestHead& head) const noexcept;
  /// Takes note of a TLS handshake that has been completed.
  void look_at_handshake();
  void record_refusal(int status, std::string_view response);
  void arm_read_deadline();
  /// Takes off the head what the peer may not say; whether it may is looked up again after a reload.
  void apply_trust(http::RequestHead& head);
  void give_back_turn() noexcept;

  // HTTP/2 (session_http2.cpp). The session is then always at rest: the connection's coroutines refer to it.
  enum class Preface : std::uint8_t { none, part, whole };
  /// What of the client's preface (RFC 9113 3.4) has come on a listener without TLS.
  [[nodiscard]] Preface preface() const noexcept;
  void begin_http2() noexcept;
  void go_on_http2() noexcept;
  [[nodiscard]] bool read_http2();
  void read_http2_later(bool after_writing);
  [[nodiscard]] Task<void> wait_to_read(bool after_writing);
  void after_http2(bool is_open) noexcept;
  /// Ends the connection, whatever is under way: with a GOAWAY, or without.
  void close_http2() noexcept;
  void end_http2() noexcept;
  /// Announces that no new streams will be accepted; `on_http2_deadline` refuses them a moment later.
  void begin_end_of_http2() noexcept;
  void drain_http2() noexcept;
  template <class Act>
  void with_http2(Act act) noexcept;
  void on_http2_deadline() noexcept;
  [[nodiscard]] std::optional<http::Refusal> judge(http::RequestHead& head) override;
  void on_http2_progress() noexcept override;

  Worker& worker_;
  const std::shared_ptr<const ListenerRules> rules_;
  Client client_;
  tls::Layer* tls_ = nullptr;  // the transport's; nullptr = without TLS
  policy::Arrival arrival_;
  std::uint32_t trust_generation_ = 0;  // of the settings by which arrival_.trusted was found; 0 = none
  bool may_be_http2_ = false;           // without TLS: it has not been told yet
  bool is_bound_ = false;               // the listener may not serve every request
  bool noted_forwarding_ = false;
  bool noted_underscore_ = false;
  std::unique_ptr<RequestContext> turn_;    // nullptr while there is no input
  std::size_t answered_ = 0;                // requests
  bool is_replying_ = false;                // a Reply is being sent
  http::Refusal refusal_{};                 // for Step::refuse
  bool begun_ = false;                      // the first byte of a head has come
  bool idle_ = false;                       // waits for a request's first byte
  bool attended_ = false;                   // a coroutine holds it
  std::unique_ptr<Http2Connection> http2_;  // nullptr = HTTP/1
  bool is_ending_ = false;                  // the client has been told that no new streams will be accepted
  bool refuses_streams_ = false;            // no new streams are accepted
  bool reads_later_ = false;                // a coroutine waits to read on
};

/// What is sent, without TLS, to a client that sends an HTTP request to a port for TLS.
[[nodiscard]] std::string_view answer_without_tls();

/// Begins a session for an accepted socket, on the worker's loop. `layer`: what a test puts below it.
void begin_session(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules,
                   std::unique_ptr<Transport::Layer> layer = nullptr);

}  // namespace larder::server
