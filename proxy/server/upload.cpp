#include "server/upload.hpp"

#include <fmt/format.h>

namespace larder::server {

namespace {

constexpr Millis rate_window{10'000};

}  // namespace

Upload::Upload(Stream& stream, RequestBody& body, upstream::Call& call, const http::Framing& framing,
               Bounds bounds)
    : stream_(stream),
      body_(body),
      call_(call),
      framing_(framing),
      bounds_(bounds),
      companion_(call.loop()) {}

Task<void> Upload::run() {
  state_ = State::running;
  const auto end = co_await transfer();
  state_ = end;
  if (end == State::complete) {
    call_.request_complete();
  } else if (!stopping_ && end != State::upstream_failed) {
    call_.cancel();  // a wait for the response ends
  }
}

Task<void> Upload::stop() {
  stopping_ = true;
  if (companion_.is_running()) {
    stream_.cancel_read();
    call_.cancel();
  }
  co_await companion_.join();
}

// A body that arrives too slowly is late, even if it never stops.
Task<Stream::Piece> Upload::next_piece() {
  auto& loop = call_.loop();
  const auto began = loop.now().mono;
  auto piece = co_await body_.next(bounds_.timeout);
  waited_ += std::chrono::duration_cast<Millis>(loop.now().mono - began);
  received_ += piece.data.size();
  if (waited_ >= rate_window && piece.state == Stream::Piece::State::some) {
    const auto expected = bounds_.rate * static_cast<std::uint64_t>(waited_.count()) / 1000;
    if (received_ < expected) piece = {Stream::Piece::State::late, {}, {}};
    waited_ = Millis{0};
    received_ = 0;
  }
  co_return piece;
}

Task<Upload::State> Upload::transfer() {
  using Piece = Stream::Piece::State;
  const bool is_chunked = framing_.kind == http::Framing::Kind::chunked;
  for (;;) {
    const auto piece = co_await next_piece();
    if (piece.state == Piece::gone || (piece.state == Piece::some && stopping_)) co_return State::client_gone;
    if (piece.state == Piece::late) co_return State::client_late;
    if (piece.state == Piece::refused) {
      refusal_ = piece.refusal;
      co_return State::refused;
    }
    if (piece.state == Piece::end) break;
    sent_ += piece.data.size();
    if (is_chunked && sent_ > bounds_.body) {
      refusal_ = http::Refusal::body_too_large;
      co_return State::refused;
    }
    if (is_chunked) {
      const auto size_line = fmt::format("{:x}\r\n", piece.data.size());
      if (co_await call_.write(size_line)) co_return State::upstream_failed;
    }
    if (co_await call_.write(piece.data)) co_return State::upstream_failed;
    if (is_chunked && co_await call_.write("\r\n")) co_return State::upstream_failed;
  }
  if (is_chunked && co_await call_.write("0\r\n\r\n")) co_return State::upstream_failed;
  co_return State::complete;
}

}  // namespace larder::server
