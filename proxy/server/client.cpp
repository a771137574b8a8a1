#include "server/client.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace larder::server {

namespace {

constexpr Millis linger_time{2000};
constexpr std::size_t linger_bytes = 1u << 20;

}  // namespace

Client::Client(Loop& loop, Socket socket, std::string address)
    : loop_(loop),
      transport_(loop, std::move(socket)),
      address_(std::move(address)),
      deadline_(loop.sweeper(), [this] { cancel(); }) {}

Client::~Client() {
  release_buffer();
  close();
}

void Client::release_buffer() {
  if (buffer_) loop_.buffers().release(std::move(buffer_));
  buffer_ = {};
  begin_ = end_ = 0;
  is_set_aside_ = false;
}

void Client::set_aside() {
  const auto bytes = unread();
  if (is_set_aside_ && bytes.size() == buffer_.size()) return;
  Buffer small(bytes.size());
  std::memcpy(small.data(), bytes.data(), bytes.size());
  release_buffer();
  buffer_ = std::move(small);
  end_ = buffer_.size();
  is_set_aside_ = true;
}

// At the end of the buffer.
void Client::make_room() {
  if (is_set_aside_) {
    auto large = loop_.buffers().acquire();
    const auto bytes = unread();
    std::memcpy(large.data(), bytes.data(), bytes.size());
    end_ = bytes.size();
    begin_ = 0;
    buffer_ = std::move(large);
    is_set_aside_ = false;
  }
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
  const auto io = transport_.read_some({buffer_.data() + end_, room});
  if (io.state == Io::State::some) {
    end_ += io.bytes;
    may_have_input_ = input_ends_ || io.more;
    return Read::some;
  }
  if (io.state == Io::State::end) return Read::end;
  if (io.state == Io::State::failed) return Read::failed;
  read_wants_ = io.state == Io::State::want_write ? Transport::Wait::write : Transport::Wait::read;
  return Read::would_block;
}

Task<Client::Read> Client::read(Millis timeout) {
  for (;;) {
    const auto result = read_now();
    if (result != Read::would_block) co_return result;
    deadline_.set(timeout);
    if (co_await readable()) co_return Read::failed;
    deadline_.clear();
  }
}

Task<bool> Client::write(std::string_view first, std::string_view second, std::string_view third,
                         Millis timeout) {
  std::array<std::string_view, 3> rest{first, second, third};
  for (;;) {
    const std::array<asio::const_buffer, 3> pieces{asio::buffer(rest[0]), asio::buffer(rest[1]),
                                                   asio::buffer(rest[2])};
    const auto io = transport_.write_some(pieces);
    if (io.state == Io::State::failed) co_return false;
    loop_.counters().bytes_sent.add(static_cast<std::int64_t>(io.bytes));
    auto sent = io.bytes;
    bool all = true;
    for (auto& piece : rest) {
      const auto of_piece = std::min(sent, piece.size());
      piece.remove_prefix(of_piece);
      sent -= of_piece;
      all = all && piece.empty();
    }
    if (all) co_return true;
    deadline_.set(timeout);
    if (co_await transport_.wait(io)) {
      // A reset discards what the kernel still holds for a client that does not read.
      if (deadline_.expired()) transport_.abort();
      co_return false;
    }
    deadline_.clear();
  }
}

Task<void> Client::linger() {
  transport_.shutdown_write();
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
    if (co_await readable()) break;
  }
}

void Client::cancel() noexcept {
  if (owner_ != nullptr) return owner_->on_cancelled();
  transport_.cancel();
}

}  // namespace larder::server
