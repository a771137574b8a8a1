// A request and its response on a stream of an HTTP/2 connection (RFC 9113 8).
#pragma once

#include "http/h2_request.hpp"
#include "server/exchange.hpp"
#include "server/reply.hpp"
#include "server/stream.hpp"

#include <cstdint>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <optional>
#include <string>

namespace larder::server {

class Http2Connection;

/// Memory of a stream that is reused by later ones.
struct Http2Memory {
  http::H2Request request;
  http::RequestHead head;  // of the request's text
  ExchangeMemory exchange;
};

class Http2Stream final : public Stream {
 public:
  Http2Stream(Http2Connection& connection, std::int32_t id);
  ~Http2Stream() override;

  [[nodiscard]] std::int32_t id() const noexcept { return id_; }

  void release_head() noexcept override {}  // it lives as long as the stream
  [[nodiscard]] Task<Piece> read_body(Millis timeout) override;
  void cancel_read() noexcept override;
  [[nodiscard]] Task<bool> await_departure(Departure departure) override;
  [[nodiscard]] Task<bool> send_interim(const store::MadeHead& head) override;
  [[nodiscard]] Task<bool> send(const Reply& reply) override;
  [[nodiscard]] bool begin(const Forwarded& response) override;
  [[nodiscard]] bool has_sent() const noexcept override { return has_sent_; }
  [[nodiscard]] Task<bool> flush() override;
  [[nodiscard]] Task<bool> write(std::string_view data) override;
  [[nodiscard]] Task<bool> finish() override;
  void reset() noexcept override;
  [[nodiscard]] Task<Transport*> switch_protocols(const http::ResponseHead& head,
                                                  std::string& early) override;

  /// Gives a whole response to nghttp2; its body is read until `is_sent`.
  void submit(const Reply& reply);
  /// Waits until the whole body has been taken; resets the stream if the client takes nothing for
  /// timeouts.write.
  [[nodiscard]] Task<bool> await_sent();

 private:
  friend class Http2Connection;
  friend class Http2Tunnel;
  friend struct Http2Callbacks;
  struct Waiting {
    explicit Waiting(Loop& loop) : input(loop), output(loop) {}
    /// Bytes of the request's body for which the client's window has not been opened again.
    [[nodiscard]] std::size_t unread() const noexcept { return received.size() + current.size(); }

    Event input;
    Event output;
    bool is_reading = false;  // something waits for `input`
    bool is_cancelled = false;
    bool is_body_read = false;  // somebody reads it
    std::string received;       // of the request's body, not yet read
    std::string current;        // the piece that was returned last
    int status = 0;             // of a forwarded response
    std::string lines;          // its fields, until they are sent
  };
  [[nodiscard]] Waiting& waiting();
  [[nodiscard]] Task<void> finish_exchange();
  [[nodiscard]] Task<void> finish_reply();
  /// After either of them, however it ended.
  void end_exchange() noexcept;
  void resume() noexcept;
  /// Bytes of the body have been read: the client may send as many more.
  void open_window(std::size_t bytes) noexcept;
  // For a tunnel.
  void offer_piece(std::string_view piece) noexcept;
  void end_output() noexcept;
  void reset_unless_ended() noexcept;
  void submit_head(bool has_body);
  void submit_fields(const nghttp2_nv* fields, std::size_t count, bool has_body);
  [[nodiscard]] std::ptrdiff_t offer(std::size_t room, std::uint32_t& flags) noexcept;
  void wake_reader() noexcept;
  void wake_writer() noexcept;

  Http2Connection& connection_;
  const std::int32_t id_;
  std::unique_ptr<Http2Memory> memory_;  // of the worker's pool
  std::optional<Exchange> exchange_;
  std::optional<OwnReply> refusal_;
  std::unique_ptr<Transport> tunnel_;
  std::unique_ptr<Waiting> waiting_;  // what most requests do not need

  // The response's body: what nghttp2 may read now.
  std::string_view piece_;
  bool is_last_piece_ = false;
  bool is_deferred_ = false;

  std::size_t granted_ = 0;        // bytes of window beyond those of every stream
  bool is_head_complete_ = false;  // the request's
  bool has_body_ = false;          // the request
  bool body_ended_ = false;        // the request's
  bool has_sent_ = false;
  bool is_closed_ = false;   // reset by either side, done, or the connection is gone
  bool is_gone_ = false;     // nghttp2 does not know it any more
  bool is_running_ = false;  // a coroutine refers to it
};

}  // namespace larder::server
