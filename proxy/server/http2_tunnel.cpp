#include "server/http2_tunnel.hpp"

#include "server/http2_connection.hpp"

#include <algorithm>

namespace larder::server {

namespace {

constexpr std::size_t max_output = 16 * 1024;

}  // namespace

Io Http2Tunnel::read_some(std::span<char> room) noexcept {
  auto& stream = stream_;
  auto& received = stream.waiting().received;
  if (received.empty()) {
    if (stream.body_ended_) return {Io::State::end};
    if (stream.is_closed_) return {Io::State::failed, false, ECONNRESET};
    return {Io::State::want_read};
  }
  const auto size = std::min(room.size(), received.size());
  std::copy_n(received.begin(), size, room.begin());
  received.erase(0, size);
  stream.open_window(size);
  return {Io::State::some, !received.empty() || stream.body_ended_, 0, size};
}

Io Http2Tunnel::write_some(Transport::Pieces pieces) noexcept {
  if (stream_.is_closed_) return {Io::State::failed, false, EPIPE};
  if (!stream_.piece_.empty()) return {Io::State::want_write};
  try {
    output_.clear();
    for (const auto& piece : pieces)
      output_.append(static_cast<const char*>(piece.data()),
                     std::min(piece.size(), max_output - output_.size()));
  } catch (const std::bad_alloc&) {
    return {Io::State::failed, false, ENOMEM};
  }
  stream_.offer_piece(output_);
  return {Io::State::some, false, 0, output_.size()};
}

Task<Error> Http2Tunnel::wait(Transport& /*below*/, Transport::Wait what) {
  auto& own = stream_.waiting();
  const auto before = cancellations_;
  const auto is_over = [&] {
    if (stream_.is_closed_) return true;
    if (what == Transport::Wait::read) return !own.received.empty() || stream_.body_ended_;
    return what == Transport::Wait::write && stream_.piece_.empty();
  };
  auto& event = what == Transport::Wait::write ? own.output : own.input;
  while (!is_over() && cancellations_ == before) co_await event.wait();
  co_return cancellations_ == before ? Error() : asio::error::operation_aborted;
}

void Http2Tunnel::cancel(Transport& /*below*/) noexcept {
  ++cancellations_;
  stream_.wake_reader();
  stream_.wake_writer();
}

void Http2Tunnel::shutdown_write(Transport& /*below*/) noexcept {
  stream_.end_output();
}

bool Http2Tunnel::is_quiet(Transport& /*below*/) noexcept {
  return false;  // it is never used again
}

bool Http2Tunnel::has_ended(Transport& /*below*/) noexcept {
  return stream_.is_closed_ || stream_.body_ended_;
}

void Http2Tunnel::close() noexcept {
  stream_.reset_unless_ended();
}

}  // namespace larder::server
