#include "admin/ask.hpp"

#include "http/chunked.hpp"
#include "http/gate.hpp"
#include "net/tls_layer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace larder::admin {

namespace {

using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr Millis ask_timeout{5'000};
constexpr const char* not_larder = "not a larder admin listener";

// Sets the timeout of each read, write and connect.
void bound(int descriptor, Millis timeout) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(timeout);
  const timeval time{whole.count(), std::chrono::microseconds(timeout - whole).count()};
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

// Connects and calls talk(socket); returns the reason if connecting fails.
template <class Answer, class Talk>
Answer with_connection(const settings::ListenAddress& address, Millis timeout, Talk talk) {
  asio::io_context io;
  Error error;
  if (const auto* local = std::get_if<settings::UnixAddress>(&address)) {
    auto path = local->path;
    if (path.starts_with('@')) path[0] = '\0';
    Local::socket socket(io, Local());
    bound(socket.native_handle(), timeout);
    socket.connect(Local::endpoint(path), error);
    return error ? Answer{0, error.message()} : talk(socket);
  }
  const auto* tcp = std::get_if<settings::TcpAddress>(&address);
  if (tcp == nullptr)
    return Answer{0,
                  "fd: names a socket that only the service manager can pass; give an address with --admin"};
  Tcp::resolver resolver(io);
  const auto places =
      resolver.resolve(tcp->host.empty() ? "localhost" : tcp->host, std::to_string(tcp->port), error);
  if (error) return Answer{0, error.message()};
  for (const auto& place : places) {
    Tcp::socket socket(io, place.endpoint().protocol());
    bound(socket.native_handle(), timeout);
    socket.connect(place.endpoint(), error);
    if (!error) return talk(socket);
  }
  return Answer{0, error.message()};
}

// A blocking stream with TLS over a connected socket.
class TlsStream {
 public:
  TlsStream(int descriptor, Millis timeout, const std::shared_ptr<const tls::ClientContext>& context)
      : descriptor_(descriptor),
        timeout_(timeout),
        layer_(loop_, descriptor, context, context->new_connection()) {}

  /// What went wrong; empty = nothing.
  std::string shake_hands() {
    for (;;) {
      const auto io = layer_.handshake();
      if (io.state == Io::State::some) return {};
      if (!io.must_wait()) return layer_.failure();
      if (!wait(io)) return "no TLS handshake in time";
    }
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, Error& error) {
    const asio::mutable_buffer room = *asio::buffer_sequence_begin(buffers);
    if (room.size() == 0) return 0;
    return transfer([&] { return layer_.read_some({static_cast<char*>(room.data()), room.size()}); }, error);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, Error& error) {
    const std::array<asio::const_buffer, 1> piece{*asio::buffer_sequence_begin(buffers)};
    return transfer([&] { return layer_.write_some(piece); }, error);
  }

 private:
  bool wait(const Io& io) const {
    pollfd it{descriptor_, static_cast<short>(io.state == Io::State::want_write ? POLLOUT : POLLIN), 0};
    return ::poll(&it, 1, static_cast<int>(timeout_.count())) > 0;
  }
  template <class Attempt>
  std::size_t transfer(Attempt attempt, Error& error) {
    for (;;) {
      const auto io = attempt();
      error = io.state == Io::State::failed ? io.error() : Error();
      if (io.state == Io::State::end) error = asio::error::eof;
      if (!io.must_wait()) return io.bytes;
      if (wait(io)) continue;
      error = asio::error::try_again;
      return 0;
    }
  }
  Loop loop_{0, 4096, Millis{1000}};
  int descriptor_;
  Millis timeout_;
  tls::Layer layer_;
};

template <class AnySocket>
AdminResponse read_whole(AnySocket& socket, const std::string& request) {
  Error error;
  asio::write(socket, asio::buffer(request), error);
  if (error) return {0, error.message()};
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  if (error && error != asio::error::eof) return {0, error.message()};
  http::ResponseHead head;
  const auto result = http::read_response(answer, {}, http::Method::get, head);
  if (result.state != http::GateResult::State::complete) return {0, not_larder};
  return {head.status, answer.substr(result.head_size)};
}

// Reads a body to its end; nullopt if it is too large, too slow, or cut off. `read` are the bytes after the
// head that have arrived already.
template <class AnySocket>
std::optional<std::string> read_body(AnySocket& socket, const http::Framing& framing, std::string read,
                                     const ApiRequest& request) {
  using Kind = http::Framing::Kind;
  const auto until = std::chrono::steady_clock::now() + request.timeout;
  http::ChunkedReader chunks({});
  std::string body;
  for (;;) {
    for (std::string_view rest = read; !rest.empty();) {
      if (framing.kind != Kind::chunked) {
        body += rest;
        break;
      }
      const auto step = chunks.feed(rest);
      body += step.data;
      if (step.state == http::ChunkedReader::Step::State::done) return body;
      if (step.state == http::ChunkedReader::Step::State::refused) return std::nullopt;
      rest.remove_prefix(step.consumed);
    }
    if (framing.kind == Kind::none) return std::string();
    if (framing.kind == Kind::length && body.size() >= framing.length) return body;
    if (body.size() > request.max_body || std::chrono::steady_clock::now() > until) return std::nullopt;
    Error error;
    read.resize(64 * 1024);
    read.resize(socket.read_some(asio::buffer(read), error));
    if (error == asio::error::eof && framing.kind == Kind::until_close) return body;
    if (error) return std::nullopt;
  }
}

template <class AnySocket>
ApiReply read_response(AnySocket& socket, const std::string& bytes, const ApiRequest& request) {
  Error error;
  asio::write(socket, asio::buffer(bytes), error);
  std::string answer;
  while (!error) {
    http::ResponseHead head;
    const auto result = http::read_response(answer, {}, http::Method::get, head);
    if (result.refusal) return {0, "malformed response: " + std::string(http::describe(*result.refusal)), {}};
    if (result.state == http::GateResult::State::complete) {
      if (head.status >= 200) {
        ApiReply reply{head.status, answer.substr(0, result.head_size), {}};
        if (request.wants_body(head))
          reply.body = read_body(socket, head.framing, answer.substr(result.head_size), request);
        return reply;
      }
      answer.erase(0, result.head_size);
      continue;
    }
    char piece[16 * 1024];
    const auto got = socket.read_some(asio::buffer(piece), error);
    answer.append(piece, got);
  }
  return {0, error == asio::error::try_again ? "no response in time" : error.message(), {}};
}

}  // namespace

AdminResponse ask(const Listener& listener, const std::string& method, const std::string& target,
                  const std::string& json) {
  auto request = method + " " + target + " HTTP/1.1\r\nHost: larder\r\nConnection: close\r\n";
  if (!listener.token.empty()) request += "Authorization: Bearer " + listener.token + "\r\n";
  if (!json.empty()) request += "Content-Type: application/json\r\n";
  request += "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  return with_connection<AdminResponse>(listener.address, ask_timeout, [&](auto& socket) {
    if (!listener.tls) return read_whole(socket, request);
    TlsStream stream(socket.native_handle(), ask_timeout, listener.tls);
    if (const auto why = stream.shake_hands(); !why.empty())
      return AdminResponse{0, "no TLS connection: " + why};
    return read_whole(stream, request);
  });
}

ApiReply ask_api(const ApiRequest& request) {
  const auto bytes = "GET " + request.target + " HTTP/1.1\r\nHost: " + request.authority +
                     "\r\nUser-Agent: larder-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  const auto there =
      std::visit([](const auto& one) { return settings::ListenAddress(one); }, request.address);
  return with_connection<ApiReply>(there, request.timeout, [&](auto& socket) {
    if (!request.tls) return read_response(socket, bytes, request);
    TlsStream stream(socket.native_handle(), request.timeout, request.tls);
    if (const auto why = stream.shake_hands(); !why.empty())
      return ApiReply{0, "no TLS connection: " + why, {}};
    return read_response(stream, bytes, request);
  });
}

std::string tls_failure(const ApiRequest& request) {
  const auto there =
      std::visit([](const auto& one) { return settings::ListenAddress(one); }, request.address);
  return with_connection<ApiReply>(
             there, request.timeout,
             [&](auto& socket) {
               auto why = TlsStream(socket.native_handle(), request.timeout, request.tls).shake_hands();
               return ApiReply{0, why.empty() ? why : "no TLS connection: " + why, {}};
             })
      .head;
}

}  // namespace larder::admin
