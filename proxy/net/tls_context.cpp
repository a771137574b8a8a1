#include "net/tls_context.hpp"

#include "http/fields.hpp"
#include "net/clock.hpp"
#include "net/tls_files.hpp"

#include <algorithm>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace larder::tls {

namespace {

// Mozilla, "Server Side TLS" 5.7, intermediate, without finite-field Diffie-Hellman, which no client that is
// in use needs. The server's order applies, except that a client that prefers ChaCha20, because it has no
// instructions for AES, gets it.
constexpr const char* ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* tls_1_3_ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr std::string_view alpn_http_1_1 = "\x08http/1.1";
constexpr std::string_view alpn_both = "\x02h2\x08http/1.1";  // in the order of preference

const unsigned char* bytes_of(std::string_view protocols) noexcept {
  return reinterpret_cast<const unsigned char*>(protocols.data());
}

// A client that offers protocols, but none of these, is refused (RFC 7301 3.2).
template <const std::string_view& ours>
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* /*unused*/) noexcept {
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, size, bytes_of(ours), static_cast<unsigned>(ours.size()),
                                           offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// RFC 6125 6.4.3: a wildcard stands for one label.
bool matches(std::string_view name, std::string_view host) {
  if (!name.starts_with("*.")) return http::iequals(name, host);
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && http::iequals(name.substr(1), host.substr(dot));
}

// A session is resumed only where clients are authenticated in the same way, by the same authorities: a
// resumption asks for no certificate. All listeners, and those of before a reload, share the ticket keys.
bool set_session_context(SSL_CTX* context, const ServerOptions& options) {
  std::string how;
  if (!options.client_ca.empty())
    how = (options.requires_client ? "require " : "request ") + content_of(options.client_ca);
  std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> digest{};
  static_assert(SSL_MAX_SID_CTX_LENGTH == 32);  // of SHA-256
  return EVP_Digest(how.data(), how.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1 &&
         SSL_CTX_set_session_id_context(context, digest.data(), digest.size()) == 1;
}

// Records the names of a certificate that is not accepted, because OpenSSL does not keep the certificate.
int note_certificate(int accepted, X509_STORE_CTX* store) noexcept {
  if (accepted == 1) return accepted;
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* names = ssl == nullptr ? nullptr : static_cast<std::string*>(SSL_get_app_data(ssl));
  auto* certificate = X509_STORE_CTX_get_current_cert(store);
  if (names == nullptr || certificate == nullptr) return accepted;
  try {
    *names = names_of(certificate);
  } catch (const std::exception&) {  // out of memory: the message goes without
  }
  return accepted;
}

}  // namespace

void SslDelete::operator()(ssl_st* ssl) const noexcept {
  SSL_free(ssl);
}
void SslDelete::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

ServerContext::~ServerContext() = default;

std::variant<std::shared_ptr<const ServerContext>, std::string> ServerContext::make(
    const ServerOptions& options, std::shared_ptr<TicketKeys> tickets) {
  const std::shared_ptr<ServerContext> made(new ServerContext);
  made->tickets_ = std::move(tickets);
  made->asks_clients_ = !options.client_ca.empty();
  made->ktls_ = options.ktls;
  ERR_clear_error();
  for (const auto& files : options.certificates) {
    if (auto error = made->load(files, options); !error.empty()) return error;
  }
  return std::shared_ptr<const ServerContext>(made);
}

std::string ServerContext::load(const CertificateFiles& files, const ServerOptions& options) {
  SslContext owner(SSL_CTX_new(::TLS_server_method()));
  auto* context = owner.get();
  if (context == nullptr) return "cannot use TLS: " + last_error();
  SSL_CTX_set_min_proto_version(context, options.allows_tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_cipher_list(context, ciphers);
  SSL_CTX_set_ciphersuites(context, tls_1_3_ciphers);
  SSL_CTX_set1_groups_list(context, groups);
  // The end of a connection without close_notify is an end like that of plain TCP: requests say their length.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (options.ktls) SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
  // To keep the buffers instead, of all connections or of those that were last busy, is no cheaper:
  // connections that use the same memory in turn find it in the processor's caches.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Each connection, resumed or not, gives its client a ticket. OpenSSL's default is a second one after a
  // full handshake, which costs 3 % of it.
  SSL_CTX_set_num_tickets(context, 1);
  if (!set_session_context(context, options)) return "cannot use TLS: " + last_error();
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &encrypt_ticket);
  SSL_CTX_set_alpn_select_cb(
      context, options.http2 ? &choose_protocol<alpn_both> : &choose_protocol<alpn_http_1_1>, nullptr);
  SSL_CTX_set_tlsext_servername_callback(context, &choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(context, this);

  if (auto error = use_certificate(context, files.certificate, files.key); !error.empty()) return error;
  if (!options.client_ca.empty()) {
    const auto& file = options.client_ca;
    auto* names = SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1
                      ? SSL_load_client_CA_file(file.c_str())
                      : nullptr;
    if (names == nullptr) return cannot_read("certificates of client_ca", file);
    SSL_CTX_set_client_CA_list(context, names);  // which owns them now
    SSL_CTX_set_verify(
        context, SSL_VERIFY_PEER | (options.requires_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  if (!files.ocsp.empty()) {
    auto bytes = std::make_unique<std::string>(content_of(files.ocsp));
    if (bytes->empty()) return cannot_read("OCSP response", files.ocsp);
    SSL_CTX_set_tlsext_status_cb(context, &staple);
    SSL_CTX_set_tlsext_status_arg(context, bytes.get());
    ocsp_.push_back(std::move(bytes));
  }
  infos_.push_back(info_of(files.certificate, SSL_CTX_get0_certificate(context)));
  contexts_.push_back(std::move(owner));
  return {};
}

Ssl ServerContext::new_connection() const noexcept {
  Ssl ssl(SSL_new(contexts_.front().get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

std::size_t ServerContext::index_for(std::string_view host) const noexcept {
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    const auto& names = infos_[i].names;
    if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches(name, host); }))
      return i;
  }
  return 0;
}

int ServerContext::choose_certificate(ssl_st* ssl, int* /*alert*/, void* self) noexcept {
  const auto& context = *static_cast<const ServerContext*>(self);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  const auto index = context.index_for(name);
  if (index != 0 && SSL_set_SSL_CTX(ssl, context.contexts_[index].get()) == nullptr)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  return SSL_TLSEXT_ERR_OK;
}

// OpenSSL frees the copy.
int ServerContext::staple(ssl_st* ssl, void* ocsp) noexcept {
  const auto& bytes = *static_cast<const std::string*>(ocsp);
  auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(bytes.data(), bytes.size()));
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(bytes.size()));
  return SSL_TLSEXT_ERR_OK;
}

// Returns as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) has it: 1 = fine, 2 = fine, and renew the ticket, 0 =
// the ticket is not usable, -1 = fail.
int ServerContext::encrypt_ticket(ssl_st* ssl, unsigned char* name, unsigned char* iv,
                                  evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac, int encrypts) noexcept {
  const auto& context = *static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const auto now = system_now().mono;
  const auto init = [&](TicketKeys::Key key, bool forward) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    const bool done =
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.aes.data(), iv, forward ? 1 : 0) == 1 &&
        EVP_MAC_CTX_set_params(mac, parameters) == 1;
    OPENSSL_cleanse(&key, sizeof key);
    return done;
  };
  if (encrypts != 0) {
    const auto key = context.tickets_->current(now);
    if (!key || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
    std::copy(key->name.begin(), key->name.end(), name);
    return init(*key, true) ? 1 : -1;
  }
  const auto found = context.tickets_->find(name, now);
  if (!found) return 0;
  if (!init(found->first, false)) return -1;
  return found->second ? 1 : 2;
}

std::variant<std::shared_ptr<const ClientContext>, std::string> ClientContext::make(
    const ClientOptions& options) {
  const std::shared_ptr<ClientContext> made(new ClientContext);
  ERR_clear_error();
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  auto* context = made->context_.get();
  if (context == nullptr) return "cannot use TLS: " + last_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &keep_session);
  SSL_CTX_set_app_data(context, made.get());
  (void)SSL_CTX_set_alpn_protos(context, bytes_of(alpn_http_1_1),
                                static_cast<unsigned>(alpn_http_1_1.size()));
  if (options.verify) {
    const bool has_authorities =
        options.ca.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                           : SSL_CTX_load_verify_locations(context, options.ca.c_str(), nullptr) == 1;
    if (!has_authorities)
      return options.ca.empty() ? "cannot read the system's certificates: " + last_error()
                                : cannot_read("certificates of ca", options.ca);
  }
  if (!options.certificate.empty()) {
    if (auto error = use_certificate(context, options.certificate, options.key); !error.empty()) return error;
  }
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     options.verify ? &note_certificate : nullptr);
  made->server_name_ = options.server_name;
  made->ca_setting_ = options.ca_setting;
  auto* parameters = SSL_CTX_get0_param(context);
  // A certificate in `ca` is trusted by itself.
  if (!options.ca.empty()) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  if (options.server_name.empty()) return std::shared_ptr<const ClientContext>(made);
  made->is_address_ = X509_VERIFY_PARAM_set1_ip_asc(parameters, options.server_name.c_str()) == 1;
  ERR_clear_error();
  if (!made->is_address_ &&
      X509_VERIFY_PARAM_set1_host(parameters, options.server_name.c_str(), options.server_name.size()) != 1)
    return "cannot use the server name " + options.server_name + ": " + last_error();
  return std::shared_ptr<const ClientContext>(made);
}

ClientContext::~ClientContext() {
  SSL_SESSION_free(session_);
}

Ssl ClientContext::new_connection() const noexcept {
  Ssl ssl(SSL_new(context_.get()));
  if (!ssl) return ssl;
  SSL_set_connect_state(ssl.get());
  if (!is_address_ && !server_name_.empty()) (void)SSL_set_tlsext_host_name(ssl.get(), server_name_.c_str());
  const std::lock_guard lock(mutex_);
  if (session_ != nullptr && SSL_SESSION_is_resumable(session_) == 1)
    (void)SSL_set_session(ssl.get(), session_);
  return ssl;
}

// 1: the reference to the session is kept.
int ClientContext::keep_session(ssl_st* ssl, ssl_session_st* session) noexcept {
  const auto& self = *static_cast<const ClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const std::lock_guard lock(self.mutex_);
  SSL_SESSION_free(std::exchange(self.session_, session));
  return 1;
}

}  // namespace larder::tls
