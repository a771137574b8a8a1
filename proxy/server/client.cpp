#include "server/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace larder::server {

namespace {

constexpr Millis linger_time{2000};
constexpr std::size_t linger_bytes = 1u << 20;
constexpr std::size_t max_pieces = 3;
constexpr std::size_t sent_together = 4096;

}  // namespace

Client::Client(Loop& loop, Socket socket, std::string address)
    : loop_(loop),
      descriptor_(socket.release()),
      address_(std::move(address)),
      deadline_(loop.sweeper(), [this] { cancel(); }) {}

Client::~Client() {
  release_buffer();
  close();
}

Socket& Client::socket() {
  if (!socket_) {
    int family = AF_INET;
    socklen_t size = sizeof family;
    (void)::getsockopt(descriptor_, SOL_SOCKET, SO_DOMAIN, &family, &size);
    socket_.emplace(loop_.executor());
    // An error is one of the wait for which it was wanted.
    Error error;
    socket_->assign(StreamProtocol(family, 0), descriptor_, error);
  }
  return *socket_;
}

void Client::release_buffer() {
  if (buffer_) loop_.buffers().release(std::move(buffer_));
  buffer_ = {};
  begin_ = end_ = 0;
}

// At the end of the lent buffer.
void Client::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
}

Client::Read Client::read_now() {
  if (!buffer_) buffer_ = loop_.buffers().acquire();
  make_room();
  const auto room = buffer_.size() - end_;
  may_have_input_ = false;
  const auto got = ::recv(descriptor_, buffer_.data() + end_, room, MSG_DONTWAIT);
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    // A read that was not filled has taken all that there was: what comes later is announced.
    may_have_input_ = input_ends_ || static_cast<std::size_t>(got) == room;
    return Read::some;
  }
  if (got == 0) return Read::end;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Read::would_block;
  if (errno != EINTR) return Read::failed;
  may_have_input_ = true;
  return Read::would_block;
}

Task<Client::Read> Client::read(Millis timeout) {
  for (;;) {
    const auto result = read_now();
    if (result != Read::would_block) co_return result;
    deadline_.set(timeout);
    auto [error] = co_await readable();
    if (error) co_return Read::failed;
    deadline_.clear();
  }
}

namespace {

// Little is copied together: that is cheaper than having the kernel read a list of pieces.
ssize_t send_together(int descriptor, Client::Pieces pieces) {
  std::array<char, sent_together> all;
  auto* end = all.data();
  for (const auto& piece : pieces)
    end = std::copy_n(static_cast<const char*>(piece.data()), piece.size(), end);
  return ::send(descriptor, all.data(), static_cast<std::size_t>(end - all.data()),
                MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t send_gathered(int descriptor, Client::Pieces pieces) {
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

std::optional<std::size_t> Client::write_now(Pieces pieces) {
  std::size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece.size();
  const auto sent =
      bytes <= sent_together ? send_together(descriptor_, pieces) : send_gathered(descriptor_, pieces);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
    return std::nullopt;
  }
  loop_.counters().bytes_sent.add(sent);
  return static_cast<std::size_t>(sent);
}

Task<bool> Client::write(std::string_view first, std::string_view second, std::string_view third,
                         Millis timeout) {
  std::array<std::string_view, 3> rest{first, second, third};
  for (;;) {
    const std::array<asio::const_buffer, 3> pieces{asio::buffer(rest[0]), asio::buffer(rest[1]),
                                                   asio::buffer(rest[2])};
    auto sent = write_now(pieces);
    if (!sent) co_return false;
    bool all = true;
    for (auto& piece : rest) {
      const auto of_piece = std::min(*sent, piece.size());
      piece.remove_prefix(of_piece);
      *sent -= of_piece;
      all = all && piece.empty();
    }
    if (all) co_return true;
    deadline_.set(timeout);
    auto [error] = co_await socket().async_wait(Socket::wait_write, as_result);
    if (error) co_return false;
    deadline_.clear();
  }
}

Task<void> Client::linger() {
  (void)::shutdown(descriptor_, SHUT_WR);
  deadline_.set(linger_time);  // for all of it
  std::size_t dropped = 0;
  while (dropped < linger_bytes) {
    begin_ = end_ = 0;
    const auto result = read_now();
    if (result == Read::some) {
      dropped += end_;
      continue;
    }
    if (result != Read::would_block) break;
    auto [error] = co_await readable();
    if (error) break;
  }
}

void Client::cancel() noexcept {
  if (cancelled_ != nullptr) return cancelled_(self_);
  Error ignored;
  if (socket_) socket_->cancel(ignored);
}

void Client::close() noexcept {
  if (descriptor_ < 0) return;
  Error ignored;
  if (socket_)
    socket_->close(ignored);  // a tunnel may have done so
  else
    (void)::close(descriptor_);
  descriptor_ = -1;
}

void Client::abort() noexcept {
  const ::linger at_once{1, 0};
  (void)::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

bool Client::has_ended() noexcept {
  if (begin_ != end_) return false;
  char byte;
  const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace larder::server
