// The lower bound for a server with TLS: an epoll loop and OpenSSL that send the same bytes in response to
// every read, without parsing.
//
//   tls_floor PORT FILE CERTIFICATE KEY      FILE contains the whole response, head and body
#include "listen.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct Client {
  std::unique_ptr<SSL, Free> ssl;
  bool answers = false;  // an answer waits for space in the socket's buffer
};

enum class State { Reads, Writes, Ended };

// What the connection waits for next.
State serve(Client& client, const std::string& answer) {
  static std::array<char, 16384> input;
  for (;;) {
    if (!client.answers) {
      const int got = SSL_read(client.ssl.get(), input.data(), static_cast<int>(input.size()));
      if (got <= 0) {
        const int error = SSL_get_error(client.ssl.get(), got);
        return error == SSL_ERROR_WANT_READ    ? State::Reads
               : error == SSL_ERROR_WANT_WRITE ? State::Writes
                                               : State::Ended;
      }
      client.answers = true;
    }
    const int sent = SSL_write(client.ssl.get(), answer.data(), static_cast<int>(answer.size()));
    if (sent <= 0) {
      const int error = SSL_get_error(client.ssl.get(), sent);
      return error == SSL_ERROR_WANT_READ    ? State::Reads
             : error == SSL_ERROR_WANT_WRITE ? State::Writes
                                             : State::Ended;
    }
    client.answers = false;
    if (SSL_has_pending(client.ssl.get()) == 0) return State::Reads;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fputs("usage: tls_floor PORT FILE CERTIFICATE KEY\n", stderr), 2;
  std::ifstream file(argv[2], std::ios::binary);
  const std::string answer{std::istreambuf_iterator<char>(file), {}};
  if (answer.empty()) return std::fprintf(stderr, "tls_floor: %s cannot be read, or is empty\n", argv[2]), 1;
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's sockets raise it
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1) {
    return std::fputs("tls_floor: the certificate or its key cannot be read\n", stderr), 1;
  }
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);                           // a record is one read, not two
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone
  const int listener = listen_on(argv[1]);
  const int poll = ::epoll_create1(0);
  watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN);
  std::array<epoll_event, 256> events;
  std::vector<Client> clients;  // indexed by socket
  std::vector<bool> waits_to_write;
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        send_at_once(accepted);
        const auto at = static_cast<std::size_t>(accepted);
        if (clients.size() <= at) {
          clients.resize(at + 1);
          waits_to_write.resize(at + 1);
        }
        clients[at].ssl.reset(SSL_new(context));
        clients[at].answers = false;
        waits_to_write[at] = false;
        SSL_set_fd(clients[at].ssl.get(), accepted);
        SSL_set_accept_state(clients[at].ssl.get());
        watch(poll, EPOLL_CTL_ADD, accepted, EPOLLIN);
        continue;
      }
      const auto at = static_cast<std::size_t>(socket);
      const auto state = serve(clients[at], answer);
      if (state == State::Ended) {
        ERR_clear_error();
        clients[at].ssl.reset();
        ::close(socket);
      } else if (const bool writes = state == State::Writes; writes != waits_to_write[at]) {
        waits_to_write[at] = writes;
        watch(poll, EPOLL_CTL_MOD, socket, writes ? EPOLLOUT : EPOLLIN);
      }
    }
  }
}
