#include "server/client.hpp"

#include <cstring>
#include <sys/socket.h>

namespace larder::server {

namespace {

constexpr Millis linger_time{2000};
constexpr std::size_t linger_bytes = 1u << 20;
constexpr std::size_t smallest_landing = 256;

}  // namespace

Client::Client(Loop& loop, Socket socket, std::string address)
    : loop_(loop),
      socket_(std::move(socket)),
      address_(std::move(address)),
      deadline_(loop.sweeper(), [this] { cancel(); }) {}

Client::~Client() {
  give_back_buffer();
}

void Client::give_back_buffer() {
  if (buffer_) loop_.buffers().give_back(std::move(buffer_));
  buffer_ = {};
  begin_ = end_ = 0;
}

asio::mutable_buffer Client::room() {
  if (buffer_) {
    make_room();
    return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
  }
  if (!landing_) landing_ = Buffer(smallest_landing);
  return asio::buffer(landing_.data(), landing_.size());
}

Client::Read Client::landed(const Error& error, std::size_t bytes) {
  if (bytes == 0) return error == asio::error::eof ? Read::end : Read::failed;
  if (buffer_) {
    end_ += bytes;
    return Read::some;
  }
  buffer_ = loop_.buffers().lend();
  begin_ = 0;
  end_ = bytes;
  std::memcpy(buffer_.data(), landing_.data(), bytes);
  if (bytes < landing_.size()) return Read::some;
  // There may be more, which is at hand; and next time it is to land as a whole.
  if (landing_.size() < largest_landing) landing_ = Buffer(2 * landing_.size());
  const auto more = read_now();
  return more == Read::would_block ? Read::some : more;
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
  if (!buffer_) buffer_ = loop_.buffers().lend();
  make_room();
  Error error;
  const auto got = socket_.read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_), error);
  end_ += got;
  if (got > 0) return Read::some;
  if (error == asio::error::would_block) return Read::would_block;
  return error == asio::error::eof ? Read::end : Read::failed;
}

Task<Client::Read> Client::read(Millis patience) {
  for (;;) {
    const auto result = read_now();
    if (result != Read::would_block) co_return result;
    deadline_.set(patience);
    auto [error] = co_await readable();
    if (error) co_return Read::failed;
    deadline_.clear();
  }
}

std::optional<std::size_t> Client::write_now(Pieces pieces) {
  Error error;
  const auto sent = socket_.write_some(pieces, error);
  loop_.counters().bytes_sent.add(static_cast<std::int64_t>(sent));
  if (error && error != asio::error::would_block) return std::nullopt;
  return sent;
}

Task<bool> Client::write(std::string_view first, std::string_view second, std::string_view third,
                         Millis patience) {
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
    deadline_.set(patience);
    auto [error] = co_await socket_.async_wait(Socket::wait_write, as_result);
    if (error) co_return false;
    deadline_.clear();
  }
}

Task<void> Client::linger() {
  Error ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
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
  Error ignored;
  socket_.cancel(ignored);
}

void Client::close() noexcept {
  Error ignored;
  socket_.close(ignored);
}

void Client::abort() noexcept {
  Error ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

bool Client::has_ended() noexcept {
  if (begin_ != end_) return false;
  char byte;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace larder::server
