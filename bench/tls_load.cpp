// A load generator for TLS connections, to 127.0.0.1.
//
//   tls_load full PORT PATH SECONDS       connections with a full handshake and one request each
//   tls_load resumed PORT PATH SECONDS    the same, resuming the session of the one before
//   tls_load hold PORT PATH COUNT         COUNT connections, one request each, which stay open until standard
//   input ends
//
// `full` and `resumed` print the number of connections, how many of them were resumed, and how many failed;
// `hold` prints `open` when all have been answered. Certificates are not verified.
#include "listen.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

SSL_CTX* context = nullptr;
std::uint16_t port = 0;
std::string path;

// Of the response with its head; 0 if the head is not complete.
std::size_t size_of(std::string_view response) {
  constexpr std::string_view name = "ontent-length:";
  const auto end = response.find("\r\n\r\n");
  if (end == response.npos) return 0;
  const auto field =
      std::search(response.begin(), response.end(), name.begin(), name.end(),
                  [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  return end + 4 + static_cast<std::size_t>(field == response.end() ? 0 : std::atoi(&*field + name.size()));
}

class Connection {
 public:
  explicit Connection(SSL_SESSION* session)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)), ssl_(SSL_new(context)) {
    send_at_once(socket_);
    const auto address = loopback(port);
    SSL_set_fd(ssl_.get(), socket_);
    if (session != nullptr) SSL_set_session(ssl_.get(), session);
    works_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
             SSL_connect(ssl_.get()) == 1;
  }
  ~Connection() {
    SSL_shutdown(ssl_.get());
    ssl_.reset();
    ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One request, and its response, which has Content-Length.
  bool ask() {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if (!works_ || SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0) return false;
    std::string response;
    std::array<char, 16384> room;
    std::size_t whole = 0;
    while (whole == 0 || response.size() < whole) {
      const int count = SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size()));
      if (count <= 0) return false;
      response.append(room.data(), static_cast<std::size_t>(count));
      if (whole == 0) whole = size_of(response);
    }
    return response.starts_with("HTTP/1.1 200");
  }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SSL_SESSION* session() const { return SSL_get1_session(ssl_.get()); }

 private:
  int socket_;
  std::unique_ptr<SSL, Free> ssl_;
  bool works_ = false;
};

struct Counts {
  std::atomic<long> made = 0, resumed = 0, failed = 0;
};

void connect_until(std::chrono::steady_clock::time_point end, bool resumes, Counts& counts) {
  std::unique_ptr<SSL_SESSION, Free> session;
  while (std::chrono::steady_clock::now() < end) {
    Connection connection(resumes ? session.get() : nullptr);
    if (!connection.ask()) {
      ++counts.failed;
      session.reset();
      continue;
    }
    ++counts.made;
    if (connection.is_resumed()) ++counts.resumed;
    if (resumes) session.reset(connection.session());
  }
}

int hold(int count) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(nullptr));
    if (!connections.back()->ask()) return std::fprintf(stderr, "tls_load: connection %d failed\n", i + 1), 1;
  }
  std::puts("open");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 5 ? argv[1] : "";
  if (mode != "full" && mode != "resumed" && mode != "hold")
    return std::fputs("usage: tls_load full|resumed PORT PATH SECONDS | hold PORT PATH COUNT\n", stderr), 2;
  port = static_cast<std::uint16_t>(std::atoi(argv[2]));
  path = argv[3];
  std::signal(SIGPIPE, SIG_IGN);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (mode == "hold") return hold(std::atoi(argv[4]));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[4]));
  Counts counts;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { connect_until(end, mode == "resumed", counts); });
  }
  std::printf("%ld %ld %ld\n", counts.made.load(), counts.resumed.load(), counts.failed.load());
  return 0;
}
