// TLS for a listener: certificates, client authentication, session tickets. OpenSSL behind it.
//
// A ServerContext is immutable and shared by all loops; connections keep a reference to what they need of it,
// so that a reload replaces it without touching them. Profile: TLS 1.2 and 1.3 with the ciphers and groups of
// Mozilla's "intermediate" recommendation; no renegotiation, no compression, no session cache (tickets only).
#pragma once

#include "net/ticket_keys.hpp"
#include "net/tls_files.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace larder::tls {

struct SslDelete {
  void operator()(ssl_st* ssl) const noexcept;
  void operator()(ssl_ctx_st* context) const noexcept;
};
using Ssl = std::unique_ptr<ssl_st, SslDelete>;
using SslContext = std::unique_ptr<ssl_ctx_st, SslDelete>;

/// Files in PEM: a chain, the server's certificate first, and its key; and an OCSP response in DER.
struct CertificateFiles {
  std::string certificate;
  std::string key;
  std::string ocsp = {};  // empty = none
};

struct ServerOptions {
  std::vector<CertificateFiles> certificates;  // not empty; the first is used for clients without SNI
  std::string client_ca = {};                  // empty = clients are not asked for certificates
  bool requires_client = true;                 // a client without a certificate is refused
  bool allows_tls_1_2 = true;
  bool ktls = false;
  bool http2 = false;  // for clients that choose it (ALPN)
};

class ServerContext {
 public:
  /// Reads the files. On failure, returns a message with the file and the reason.
  [[nodiscard]] static std::variant<std::shared_ptr<const ServerContext>, std::string> make(
      const ServerOptions& options, std::shared_ptr<TicketKeys> tickets);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  /// For one connection; nullptr if memory has run out.
  [[nodiscard]] Ssl new_connection() const noexcept;
  /// The position in `certificates` of the one for a host (without a port); 0 if none is for it.
  [[nodiscard]] std::size_t index_for(std::string_view host) const noexcept;
  [[nodiscard]] const std::vector<CertificateInfo>& certificates() const noexcept { return infos_; }
  /// Whether the choice of the certificate, or the client's, depends on the name that the client sent, so
  /// that requests for other hosts must be refused (421; RFC 9110 15.5.20).
  [[nodiscard]] bool binds_host() const noexcept { return infos_.size() > 1 || asks_clients_; }
  [[nodiscard]] bool asks_clients() const noexcept { return asks_clients_; }
  [[nodiscard]] bool uses_ktls() const noexcept { return ktls_; }

 private:
  ServerContext() = default;
  [[nodiscard]] std::string load(const CertificateFiles& files, const ServerOptions& options);
  static int choose_certificate(ssl_st* ssl, int* alert, void* self) noexcept;
  static int staple(ssl_st* ssl, void* ocsp) noexcept;
  static int encrypt_ticket(ssl_st* ssl, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher,
                            evp_mac_ctx_st* mac, int encrypts) noexcept;

  std::vector<SslContext> contexts_;
  std::vector<CertificateInfo> infos_;
  std::vector<std::unique_ptr<std::string>> ocsp_;
  std::shared_ptr<TicketKeys> tickets_;
  bool asks_clients_ = false;
  bool ktls_ = false;
};

struct ClientOptions {
  std::string ca = {};           // file in PEM; empty = the system's authorities
  std::string certificate = {};  // for servers that ask for one, with its key; empty = none
  std::string key = {};
  /// A host name or an address: for SNI, and in the server's certificate. Empty: the certificate may have any
  /// name, and is in `ca` itself.
  std::string server_name;
  bool verify = true;
  std::string ca_setting = {};  // what is named in the message about an unknown issuer
};

/// TLS for connections to an API. Immutable but for the last session, which the next connection resumes.
/// Shared by all loops.
class ClientContext {
 public:
  [[nodiscard]] static std::variant<std::shared_ptr<const ClientContext>, std::string> make(
      const ClientOptions& options);
  ~ClientContext();
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;

  /// For one connection; nullptr if memory has run out. Its app data is nullptr, or a std::string for the
  /// names of a certificate that is not accepted.
  [[nodiscard]] Ssl new_connection() const noexcept;
  [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
  [[nodiscard]] const std::string& ca_setting() const noexcept { return ca_setting_; }

 private:
  ClientContext() = default;
  static int keep_session(ssl_st* ssl, ssl_session_st* session) noexcept;

  SslContext context_;
  std::string server_name_;
  std::string ca_setting_;
  bool is_address_ = false;
  mutable std::mutex mutex_;
  mutable ssl_session_st* session_ = nullptr;  // guarded by the mutex
};

}  // namespace larder::tls
