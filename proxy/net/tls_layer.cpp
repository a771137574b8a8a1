#include "net/tls_layer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace larder::tls {

// A BIO over the descriptor. OpenSSL's own raises SIGPIPE, and does not say whether a read emptied the
// kernel's buffer, so that each request would cost another read.
struct SocketBio {
  static int read(BIO* bio, char* room, int size) {
    auto& layer = *static_cast<Layer*>(BIO_get_data(bio));
    ssize_t got = 0;
    do got = ::recv(layer.descriptor_, room, static_cast<std::size_t>(size), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    layer.is_drained_ = got < size;
    if (got == 0) layer.has_read_end_ = true;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    const auto& layer = *static_cast<const Layer*>(BIO_get_data(bio));
    ssize_t sent = 0;
    do sent = ::send(layer.descriptor_, bytes, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }
  static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return static_cast<const Layer*>(BIO_get_data(bio))->has_read_end_ ? 1 : 0;
    return 0;
  }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  // nullptr if memory has run out.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      auto* its = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      if (its == nullptr) return its;
      BIO_meth_set_read(its, &SocketBio::read);
      BIO_meth_set_write(its, &SocketBio::write);
      BIO_meth_set_ctrl(its, &SocketBio::control);
      BIO_meth_set_create(its, &SocketBio::create);
      return its;
    }();
    return made;
  }
};

namespace {

constexpr std::size_t max_record = SSL3_RT_MAX_PLAIN_LENGTH;

// SSL_get_error(3) reads what the call has added to the thread's queue, which must be empty before it: an
// error left by another connection would end this one. Clearing an empty queue costs as much as a sixth of a
// hit, because it frees the texts of each of its sixteen entries.
void begin_call() noexcept {
  errno = 0;
  if (ERR_peek_error() != 0) ERR_clear_error();
}

// What is copied together for one record. A loop has its thread to itself.
thread_local std::array<char, max_record> together;

}  // namespace

Layer::Layer(Loop& loop, int descriptor, std::shared_ptr<const ServerContext> context, Ssl ssl,
             std::string_view plain_answer)
    : Layer(loop, descriptor, std::move(context), std::move(ssl), plain_answer, true) {}

Layer::Layer(Loop& loop, int descriptor, std::shared_ptr<const ClientContext> context, Ssl ssl)
    : Layer(loop, descriptor, nullptr, std::move(ssl), {}, false) {
  client_context_ = std::move(context);
  SSL_set_app_data(ssl_.get(), &refused_names_);
}

Layer::Layer(Loop& loop, int descriptor, std::shared_ptr<const ServerContext> context, Ssl ssl,
             std::string_view plain_answer, bool is_server)
    : loop_(loop),
      descriptor_(descriptor),
      context_(std::move(context)),
      ssl_(std::move(ssl)),
      plain_answer_(plain_answer),
      is_server_(is_server) {
  // The kernel's TLS works with OpenSSL's own BIO alone. That one does not say whether it has read all, so
  // that after each read another one is tried.
  if (context_ && context_->uses_ktls()) {
    if (SSL_set_fd(ssl_.get(), descriptor_) != 1) throw std::bad_alloc();
    return;
  }
  auto* bio = SocketBio::method() == nullptr ? nullptr : BIO_new(SocketBio::method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Layer::~Layer() = default;

Io Layer::outcome() noexcept {
  const int system = errno;
  switch (SSL_get_error(ssl_.get(), -1)) {
    case SSL_ERROR_WANT_READ:
      return {Io::State::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {Io::State::want_write};
    case SSL_ERROR_ZERO_RETURN:
      if (is_established_) return {Io::State::end};
      break;  // in the middle of the handshake
    case SSL_ERROR_SYSCALL:
      if (has_read_end_ && is_server_ && ERR_peek_error() == 0) return {Io::State::end};
      break;
    default:
      break;
  }
  note_failure();
  return {Io::State::failed, false, system == 0 || system == EAGAIN ? EPROTO : system};
}

std::string Layer::complaint_about_certificate() const {
  const auto result = SSL_get_verify_result(ssl_.get());
  if (result == X509_V_OK) return {};
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for " + (refused_names_.empty() ? "another name" : refused_names_) +
             ", not for " + client_context_->server_name();
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the issuer of its certificate is unknown" + (client_context_->ca_setting().empty()
                                                               ? std::string()
                                                               : " (" + client_context_->ca_setting() + ")");
    default:
      return std::string("its certificate is not acceptable: ") + X509_verify_cert_error_string(result);
  }
}

void Layer::note_failure() noexcept {
  if (std::exchange(is_broken_, true)) return;
  const auto reason = ERR_GET_REASON(ERR_peek_error());
  try {
    failure_ = is_server_ ? std::string() : complaint_about_certificate();
    const auto error = last_error();
    if (failure_.empty() && !is_server_ && reason == SSL_R_WRONG_VERSION_NUMBER)
      failure_ = "there is no TLS on that port";
    if (failure_.empty()) failure_ = error;
    if (failure_.empty()) failure_ = has_read_end_ ? "the connection ended" : std::strerror(errno);
  } catch (const std::exception&) {  // out of memory
    ERR_clear_error();
  }
  if (is_established_ || !is_server_) return;
  loop_.counters().tls_failures.add();
  const bool is_plain_http = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
  if (is_plain_http && !plain_answer_.empty()) {
    (void)::send(descriptor_, plain_answer_.data(), plain_answer_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)::shutdown(descriptor_, SHUT_WR);
  }
}

void Layer::note_established() noexcept {
  is_established_ = true;
  if (!is_server_) return;
  auto& counters = loop_.counters();
  client_.version = SSL_get_version(ssl_.get());
  (SSL_version(ssl_.get()) == TLS1_3_VERSION ? counters.tls_1_3 : counters.tls_1_2).add();
  if (is_resumed()) counters.tls_resumed.add();
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name); name != nullptr)
    certificate_index_ = context_->index_for(name);
  try {
    auto* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate != nullptr && SSL_get_verify_result(ssl_.get()) == X509_V_OK)
      client_.subject = subject_of(certificate);
  } catch (const std::exception&) {  // without memory to say who it is, the client is not served
    is_broken_ = true;
  }
}

Io Layer::read_some(std::span<char> room) noexcept {
  if (is_broken_) return {Io::State::failed, false, EPROTO};
  std::size_t got = 0;
  begin_call();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &got);
  if (!is_established_ && SSL_is_init_finished(ssl_.get()) == 1) note_established();
  if (result != 1) return outcome();
  const bool more = !is_drained_ || SSL_has_pending(ssl_.get()) == 1;
  return {Io::State::some, more, 0, got};
}

// Each call of OpenSSL writes one record. After a call that has to wait, OpenSSL requires the same bytes
// again; callers meet that, because they continue after the bytes that were written.
Io Layer::write_some(Transport::Pieces pieces) noexcept {
  if (is_broken_) return {Io::State::failed, false, EPROTO};
  std::size_t sent = 0;
  std::size_t at = 0;      // of the pieces
  std::size_t offset = 0;  // in that piece
  for (;;) {
    while (at < pieces.size() && offset == pieces[at].size()) {
      ++at;
      offset = 0;
    }
    if (at == pieces.size()) break;
    const auto* bytes = static_cast<const char*>(pieces[at].data()) + offset;
    auto size = std::min(pieces[at].size() - offset, max_record);
    if (size < max_record && at + 1 < pieces.size()) {
      size = 0;
      for (auto i = at, from = offset; i < pieces.size() && size < max_record; ++i, from = 0) {
        const auto part = std::min(pieces[i].size() - from, max_record - size);
        if (part == 0) continue;  // an empty piece may be a null pointer
        std::memcpy(together.data() + size, static_cast<const char*>(pieces[i].data()) + from, part);
        size += part;
      }
      bytes = together.data();
    }
    std::size_t written = 0;
    begin_call();
    if (SSL_write_ex(ssl_.get(), bytes, size, &written) != 1) {
      const auto io = outcome();
      if (sent > 0 && io.must_wait()) break;
      return io;
    }
    sent += written;
    while (written > 0) {
      const auto part = std::min(written, pieces[at].size() - offset);
      offset += part;
      written -= part;
      if (written > 0) {
        ++at;
        offset = 0;
      }
    }
  }
  return {Io::State::some, false, 0, sent};
}

Task<Error> Layer::wait(Transport& below, Transport::Wait what) {
  return below.wait_for_socket(what);
}

Io Layer::handshake() noexcept {
  if (is_broken_) return {Io::State::failed, false, EPROTO};
  begin_call();
  if (SSL_do_handshake(ssl_.get()) != 1) return outcome();
  if (!is_established_) note_established();
  return {Io::State::some};
}

void Layer::shutdown_write(Transport& below) noexcept {
  if (is_established_ && !is_broken_ && SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  (void)::shutdown(below.descriptor(), SHUT_WR);
}

// Reads what may be a session ticket, which does not make a connection unusable.
bool Layer::is_quiet(Transport& /*below*/) noexcept {
  if (is_broken_) return false;
  char byte = 0;
  std::size_t got = 0;
  begin_call();
  return SSL_peek_ex(ssl_.get(), &byte, 1, &got) != 1 && outcome().state == Io::State::want_read;
}

bool Layer::has_ended(Transport& /*below*/) noexcept {
  if (is_broken_) return true;
  char byte = 0;
  std::size_t got = 0;
  begin_call();
  return SSL_peek_ex(ssl_.get(), &byte, 1, &got) != 1 && !outcome().must_wait();
}

void Layer::close() noexcept {
  if (std::exchange(is_closed_, true) || is_aborted_ || is_broken_ || !is_established_) return;
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
}

bool Layer::is_http_2() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return size == 2 && std::memcmp(name, "h2", 2) == 0;
}

bool Layer::is_resumed() const noexcept {
  return SSL_session_reused(ssl_.get()) == 1;
}

}  // namespace larder::tls
