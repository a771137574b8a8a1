// Two ends of a TLS connection over sockets that hold few bytes, and what each does next: with every order of
// waiting to read and to write, what arrives is what was sent. Or bytes to a server in place of a handshake.
#include "net/tls_layer.hpp"
#include "support.hpp"

#include <array>
#include <filesystem>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace larder;

namespace {

// A self-signed certificate, in files that are removed at once.
std::shared_ptr<const tls::ServerContext> make_server_context() {
  auto* key = EVP_EC_gen("P-256");
  auto* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 36'000'000);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  const auto name = (std::filesystem::temp_directory_path() / "larder-fuzz-XXXXXX").string();
  std::string files[2] = {name, name};
  for (int i = 0; i < 2; ++i) {
    auto* file = ::fdopen(::mkstemp(files[i].data()), "w");
    if (i == 0)
      PEM_write_X509(file, certificate);
    else
      PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  auto made = tls::ServerContext::make({{{files[0], files[1], {}}}}, std::make_shared<tls::TicketKeys>());
  for (const auto& file : files) ::unlink(file.c_str());
  fuzz::must(made.index() == 0, "the certificate can be used");
  return std::get<0>(made);
}

std::shared_ptr<const tls::ClientContext> make_client_context() {
  auto made = tls::ClientContext::make({{}, {}, {}, "a.example", false});
  fuzz::must(made.index() == 0, "a client needs no files");
  return std::get<0>(made);
}

struct End {
  End(Loop& loop, int descriptor)
      : transport(loop, Socket(loop.executor(), StreamProtocol(AF_UNIX, 0), descriptor)) {}

  Transport transport;
  std::size_t sent = 0;  // to the other end
  std::size_t received = 0;
  bool has_failed = false;
};

// The n-th byte that an end sends.
char byte_at(std::size_t n, bool of_server) {
  return static_cast<char>(n * 31 + (of_server ? 7 : 0));
}

void write(End& end, std::size_t size, bool of_server) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = byte_at(end.sent + i, of_server);
  const std::string_view all(bytes);
  const std::array<asio::const_buffer, 3> pieces{asio::buffer(all.substr(0, size / 7)),
                                                 asio::buffer(all.substr(size / 7, size / 3)),
                                                 asio::buffer(all.substr(size / 7 + size / 3))};
  const auto io = end.transport.write_some(pieces);
  fuzz::must(io.bytes <= size, "no more is written than there is");
  fuzz::must(io.bytes == 0 || io.state == Io::State::some, "what is written is said");
  end.sent += io.bytes;
  end.has_failed = io.state == Io::State::failed;
}

void read(End& end, const End& from, std::size_t size, bool from_server) {
  std::string room(size, '\0');
  const auto io = end.transport.read_some({room.data(), room.size()});
  fuzz::must(io.state != Io::State::some || (io.bytes > 0 && io.bytes <= size), "some is some, and fits");
  for (std::size_t i = 0; i < io.bytes; ++i)
    fuzz::must(room[i] == byte_at(end.received + i, from_server), "bytes arrive as they were sent, in order");
  end.received += io.bytes;
  fuzz::must(end.received <= from.sent + 200'000, "no more arrives than was sent");
  end.has_failed = io.state == Io::State::failed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Loop loop(0, 4096, Millis{1000});
  static const auto server_context = make_server_context();
  static const auto client_context = make_client_context();
  if (size < 2) return 0;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 0;
  const int buffer = 1024 + data[0] * 64;
  for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  End server(loop, ends[0]);
  End client(loop, ends[1]);
  server.transport.set_layer(
      std::make_unique<tls::Layer>(loop, ends[0], server_context, server_context->new_connection(), "plain"));
  if (data[1] % 4 == 0) {  // whatever comes in place of a handshake
    (void)::send(ends[1], data + 2, size - 2, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (int i = 0; i < 4 && !server.has_failed; ++i) {
      std::array<char, 512> room;
      const auto io = server.transport.read_some(room);
      fuzz::must(io.state != Io::State::some, "nothing is read without a handshake");
      server.has_failed = io.state == Io::State::failed;
    }
    return 0;
  }
  client.transport.set_layer(
      std::make_unique<tls::Layer>(loop, ends[1], client_context, client_context->new_connection()));
  for (std::size_t i = 2; i + 1 < size && i < 400; i += 2) {
    auto& end = data[i] % 2 == 0 ? server : client;
    auto& other = data[i] % 2 == 0 ? client : server;
    const bool of_server = data[i] % 2 == 0;
    const std::size_t amount = 1 + data[i + 1] * (data[i] & 64 ? 200u : 1u);
    if (end.has_failed) continue;
    switch (data[i] / 2 % 8) {
      case 0:
      case 1:
        // The same bytes again after a wait: an end goes on where it was.
        write(end, 60'000, of_server);
        break;
      case 2:
      case 3:
      case 4:
        read(end, other, amount, !of_server);
        break;
      case 5:
        (void)end.transport.is_reusable();
        break;
      case 6:
        (void)end.transport.has_ended();
        break;
      default:
        if (data[i + 1] == 255) end.transport.shutdown_write();
        break;
    }
  }
  return 0;
}
