// TLS on a connection: a Transport::Layer over OpenSSL. Belongs to one loop.
//
// The handshake is part of the first reads, or of `handshake`. OpenSSL reads and writes the descriptor
// itself, through a BIO that knows whether the kernel has more input. Records are at most 16 KiB, so several
// pieces of a response are copied together into one record, and longer ones are encrypted from where they
// are.
#pragma once

#include "net/tls_context.hpp"
#include "net/transport.hpp"
#include "policy/request.hpp"

#include <string>
#include <string_view>

namespace larder::tls {

class Layer final : public Transport::Layer {
 public:
  /// Of a client's connection. `plain_answer` is sent, without TLS, to a client that sends an HTTP request
  /// instead of a handshake; it must outlive the layer.
  Layer(Loop& loop, int descriptor, std::shared_ptr<const ServerContext> context, Ssl ssl,
        std::string_view plain_answer);
  /// Of a connection to an API. The end of input without close_notify is a failure, because it may cut a
  /// response off that ends with its connection.
  Layer(Loop& loop, int descriptor, std::shared_ptr<const ClientContext> context, Ssl ssl);
  ~Layer() override;

  Io read_some(std::span<char> room) noexcept override;
  Io write_some(Transport::Pieces pieces) noexcept override;
  Task<Error> wait(Transport& below, Transport::Wait what) override;
  void cancel(Transport& /*below*/) noexcept override {}
  void shutdown_write(Transport& below) noexcept override;
  bool is_quiet(Transport& below) noexcept override;
  bool has_ended(Transport& below) noexcept override;
  void close() noexcept override;
  void abort() noexcept override { is_aborted_ = true; }

  /// Goes on with the handshake: `some` when it is complete.
  [[nodiscard]] Io handshake() noexcept;
  [[nodiscard]] bool is_established() const noexcept { return is_established_; }
  /// Why the handshake or the connection failed; empty if it has not.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  // Once it is established:
  /// Its `field` is the owner's to set.
  [[nodiscard]] policy::TlsClient& client() noexcept { return client_; }
  [[nodiscard]] bool is_resumed() const noexcept;
  /// Whether the client has chosen HTTP/2 (ALPN).
  [[nodiscard]] bool is_http_2() const noexcept;
  /// Of the listener's certificates, the one that the client's SNI chose.
  [[nodiscard]] std::size_t certificate_index() const noexcept { return certificate_index_; }
  [[nodiscard]] ssl_st* ssl() noexcept { return ssl_.get(); }

 private:
  friend struct SocketBio;
  Layer(Loop& loop, int descriptor, std::shared_ptr<const ServerContext> context, Ssl ssl,
        std::string_view plain_answer, bool is_server);
  /// What the last call of OpenSSL, which did not succeed, means.
  [[nodiscard]] Io outcome() noexcept;
  void note_established() noexcept;
  void note_failure() noexcept;
  /// Why the server's certificate was not accepted; empty if it was.
  [[nodiscard]] std::string complaint_about_certificate() const;

  Loop& loop_;
  const int descriptor_;
  std::shared_ptr<const ServerContext> context_;  // callbacks of a handshake use it
  std::shared_ptr<const ClientContext> client_context_;
  Ssl ssl_;
  std::string_view plain_answer_;
  std::string failure_;
  std::string refused_names_;  // of a server's certificate
  policy::TlsClient client_;
  std::size_t certificate_index_ = 0;
  bool is_server_;
  bool is_drained_ = false;  // the last read found less than there was room for
  bool has_read_end_ = false;
  bool is_established_ = false;
  bool is_broken_ = false;
  bool is_aborted_ = false;
  bool is_closed_ = false;
};

}  // namespace larder::tls
