#include "server/upload.hpp"

#include <fmt/format.h>

namespace larder::server {

Upload::Upload(Client& client, upstream::Call& call, const http::Framing& framing, const http::Limits& limits,
               Bounds bounds)
    : client_(client),
      call_(call),
      framing_(framing),
      bounds_(bounds),
      chunked_(limits),
      deadline_(client.loop().sweeper(), [&client] { client.cancel(); }),
      companion_(client.loop()) {}

Task<void> Upload::run() {
  state_ = State::running;
  const auto end = co_await transfer();
  state_ = end;
  if (end == State::complete) {
    call_.request_complete();
  } else if (!stopping_ && end != State::upstream_failed) {
    call_.cancel();  // ends the wait for the response
  }
}

Task<Upload::State> Upload::transfer() {
  if (framing_.kind == http::Framing::Kind::chunked) return transfer_chunked();
  return transfer_length();
}

Task<void> Upload::stop() {
  stopping_ = true;
  if (companion_.is_running()) {
    client_.cancel();
    call_.cancel();
  }
  co_await companion_.join();
}

Upload::State Upload::refuse(http::Refusal reason) noexcept {
  refusal_ = reason;
  return State::refused;
}

// Waits for unread input; returns how the body ended if there is none.
Task<std::optional<Upload::State>> Upload::await_input() {
  while (client_.unread().empty()) {
    const auto result = client_.read_now();
    if (result == Client::Read::some) break;
    if (result != Client::Read::would_block) co_return State::client_gone;
    deadline_.set(bounds_.timeout);
    if (co_await client_.readable()) co_return deadline_.expired() ? State::client_late : State::client_gone;
    deadline_.clear();
    if (stopping_) co_return State::client_gone;
  }
  co_return std::nullopt;
}

Task<Upload::State> Upload::transfer_length() {
  auto remaining = framing_.length;
  while (remaining > 0) {
    if (const auto end = co_await await_input()) co_return *end;
    const auto piece =
        client_.unread().substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining, SIZE_MAX)));
    sent_ += piece.size();
    if (co_await call_.write(piece)) co_return State::upstream_failed;
    remaining -= piece.size();
    client_.consume(piece.size());
  }
  co_return State::complete;
}

Task<Upload::State> Upload::transfer_chunked() {
  using Step = http::ChunkedReader::Step;
  for (;;) {
    if (const auto end = co_await await_input()) co_return *end;
    const auto step = chunked_.feed(client_.unread());
    if (step.state == Step::State::refused) co_return refuse(*step.refusal);
    if (!step.data.empty()) {
      sent_ += step.data.size();
      if (sent_ > bounds_.body) co_return refuse(http::Refusal::body_too_large);
      const auto size_line = fmt::format("{:x}\r\n", step.data.size());
      if (co_await call_.write(size_line)) co_return State::upstream_failed;
      if (co_await call_.write(step.data)) co_return State::upstream_failed;
      if (co_await call_.write("\r\n")) co_return State::upstream_failed;
    }
    client_.consume(step.consumed);
    if (step.state == Step::State::done) break;
  }
  if (co_await call_.write("0\r\n\r\n")) co_return State::upstream_failed;
  co_return State::complete;
}

}  // namespace larder::server
