#include "admin/ask.hpp"

#include "http/gate.hpp"
#include "loop/loop.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <sys/time.h>

namespace larder::admin {

namespace {

using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr timeval patience{5, 0};

void bound(int descriptor) {
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

template <class AnySocket>
Reply converse(AnySocket& socket, const std::string& request) {
  bound(socket.native_handle());
  Error error;
  asio::write(socket, asio::buffer(request), error);
  if (error) return {0, error.message()};
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  if (error && error != asio::error::eof) return {0, error.message()};
  http::ResponseHead head;
  const auto result = http::read_response(answer, {}, http::Method::get, head);
  if (result.state != http::GateResult::State::complete) return {0, "what listens there is no larder"};
  return {head.status, answer.substr(result.head_size)};
}

}  // namespace

Reply ask(const settings::ListenAddress& address, const std::string& method, const std::string& target,
          const std::string& json) {
  auto request = method + " " + target + " HTTP/1.1\r\nHost: larder\r\nConnection: close\r\n";
  if (!json.empty()) request += "Content-Type: application/json\r\n";
  request += "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  asio::io_context io;
  Error error;
  if (const auto* local = std::get_if<settings::UnixAddress>(&address)) {
    Local::socket socket(io);
    socket.connect(Local::endpoint(local->path), error);
    if (error) return {0, error.message()};
    return converse(socket, request);
  }
  const auto* tcp = std::get_if<settings::TcpAddress>(&address);
  if (tcp == nullptr) return {0, "the admin listener is a socket that the service manager passes"};
  Tcp::resolver resolver(io);
  const auto places =
      resolver.resolve(tcp->host.empty() ? "localhost" : tcp->host, std::to_string(tcp->port), error);
  if (error) return {0, error.message()};
  Tcp::socket socket(io);
  asio::connect(socket, places, error);
  if (error) return {0, error.message()};
  return converse(socket, request);
}

}  // namespace larder::admin
