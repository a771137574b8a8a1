// A request and its response on an HTTP/1 connection (RFC 9112).
#pragma once

#include "http/chunked.hpp"
#include "server/client.hpp"
#include "server/reply.hpp"
#include "server/stream.hpp"
#include "server/worker.hpp"

#include <memory>
#include <optional>
#include <string>

namespace larder::server {

class Http1Stream final : public Stream {
 public:
  /// `head_size` bytes of the client's unread input are the request's head. `last`: the connection ends with
  /// the response. `lines` is memory that is reused.
  Http1Stream(Worker& worker, Client& client, const http::RequestHead& head, std::size_t head_size, bool last,
              std::string& lines, std::string_view hsts = {});
  ~Http1Stream() override;

  enum class End : std::uint8_t {
    keep,    // the next request may follow
    close,   // the connection is to be closed, or is broken
    linger,  // to be closed so that the response arrives although input is left unread
  };
  /// What becomes of the connection after the response.
  [[nodiscard]] End end() const noexcept;

  /// Sends a whole response without waiting. False: `send_rest` must be awaited, while what the reply refers
  /// to still lives.
  [[nodiscard]] bool send_now(const Reply& reply);
  [[nodiscard]] Task<bool> send_rest();

  void release_head() noexcept override;
  [[nodiscard]] Task<Piece> read_body(Millis timeout) override;
  void cancel_read() noexcept override { client_.cancel(); }
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

 private:
  struct Waiting;
  [[nodiscard]] Waiting& waiting();

  /// How the connection goes on, for a head that is written now.
  [[nodiscard]] Persistence& persistence() noexcept;
  [[nodiscard]] bool has_unread_body() const noexcept;
  [[nodiscard]] Task<bool> write_all(std::string_view first, std::string_view second = {},
                                     std::string_view third = {});

  Worker& worker_;
  Client& client_;
  const http::Framing request_;  // of the request's body
  std::size_t head_size_;        // in the client's input; 0 once it is consumed
  Persistence persistence_;
  std::string& lines_;                // of the response, beyond the stored ones
  std::unique_ptr<Waiting> waiting_;  // what most requests do not need
  bool has_sent_ = false;
  bool is_broken_ = false;
  bool is_complete_ = false;  // the response has been sent
};

}  // namespace larder::server
