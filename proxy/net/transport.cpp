#include "net/transport.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <array>
#include <unistd.h>

namespace larder {

namespace {

constexpr std::size_t max_pieces = 3;
constexpr std::size_t sent_together = 4096;  // bytes

// Copying a few bytes together costs less than having the kernel read a list of pieces.
ssize_t send_together(int descriptor, Transport::Pieces pieces) noexcept {
  std::array<char, sent_together> all;
  auto* end = all.data();
  for (const auto& piece : pieces)
    end = std::copy_n(static_cast<const char*>(piece.data()), piece.size(), end);
  return ::send(descriptor, all.data(), static_cast<std::size_t>(end - all.data()),
                MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t send_gathered(int descriptor, Transport::Pieces pieces) noexcept {
  std::array<iovec, max_pieces> parts;
  std::size_t count = 0;
  for (const auto& piece : pieces)
    parts[count++] = {const_cast<void*>(piece.data()), piece.size()};  // sendmsg(2) does not write there
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return ::sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Io Transport::write_plain(Pieces pieces) noexcept {
  std::size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece.size();
  ssize_t sent = 0;
  do sent = bytes <= sent_together ? send_together(descriptor_, pieces) : send_gathered(descriptor_, pieces);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return failed(Io::State::want_write);
  return {Io::State::some, false, 0, static_cast<std::size_t>(sent)};
}

Socket& Transport::socket() {
  if (!socket_) {
    int family = AF_INET;
    socklen_t size = sizeof family;
    (void)::getsockopt(descriptor_, SOL_SOCKET, SO_DOMAIN, &family, &size);
    socket_.emplace(loop_.executor());
    // An error is reported by the wait that follows.
    Error error;
    socket_->assign(StreamProtocol(family, 0), descriptor_, error);
  }
  return *socket_;
}

Task<Error> Transport::connect(const StreamProtocol::endpoint& endpoint) {
  close();
  socket_.emplace(loop_.executor());
  auto [error] = co_await socket_->async_connect(endpoint, as_result);
  if (!socket_) co_return asio::error::operation_aborted;  // closed meanwhile
  if (error) {
    Error ignored;
    socket_->close(ignored);
    socket_.reset();
    co_return error;
  }
  descriptor_ = socket_->native_handle();
  Error ignored;
  socket_->non_blocking(true, ignored);
  if (endpoint.protocol().family() != AF_UNIX) socket_->set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return Error{};
}

Task<Error> Transport::wait(Wait what) {
  return layer_ == nullptr ? wait_for_socket(what) : layer_->wait(*this, what);
}

Task<Error> Transport::wait_for_socket(Wait what) {
  if (descriptor_ < 0) co_return asio::error::operation_aborted;
  const auto condition = what == Wait::read    ? Socket::wait_read
                         : what == Wait::write ? Socket::wait_write
                                               : Socket::wait_error;
  auto [error] = co_await socket().async_wait(condition, as_result);
  co_return error;
}

bool Transport::is_reusable() noexcept {
  if (layer_ != nullptr) return layer_->is_quiet(*this);
  char byte;
  const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool Transport::has_ended() noexcept {
  if (layer_ != nullptr) return layer_->has_ended(*this);
  char byte;
  const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void Transport::shutdown_write() noexcept {
  if (layer_ != nullptr) return layer_->shutdown_write(*this);
  (void)::shutdown(descriptor_, SHUT_WR);
}

void Transport::cancel() noexcept {
  if (layer_ != nullptr) layer_->cancel(*this);
  Error ignored;
  if (socket_) socket_->cancel(ignored);
}

void Transport::close() noexcept {
  if (layer_ != nullptr) layer_->close();
  if (socket_) {
    Error ignored;
    socket_->close(ignored);
  } else if (descriptor_ >= 0) {
    (void)::close(descriptor_);
  }
  descriptor_ = -1;
}

void Transport::abort() noexcept {
  if (layer_ != nullptr) layer_->abort();
  const ::linger at_once{1, 0};
  (void)::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

Task<Error> write_all(Transport& to, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::array<asio::const_buffer, 1> piece{asio::buffer(bytes)};
    const auto io = to.write_some(piece);
    bytes.remove_prefix(io.bytes);
    if (io.state == Io::State::failed) co_return io.error();
    if (!io.must_wait()) continue;
    if (const auto error = co_await to.wait(io)) co_return error;
  }
  co_return Error{};
}

std::optional<StreamProtocol::endpoint> Transport::peer() const {
  StreamProtocol::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getpeername(descriptor_, endpoint.data(), &size) != 0) return std::nullopt;
  endpoint.resize(size);
  return endpoint;
}

}  // namespace larder
