#include "server/tunnel.hpp"

namespace larder::server {

Tunnel::Tunnel(Client& client, upstream::Connection& upstream, Millis timeout)
    : client_(client),
      upstream_(upstream),
      patience_(timeout),
      deadline_(client.loop().sweeper(), [this] { cancel(); }) {}

void Tunnel::cancel() noexcept {
  client_.cancel();
  Error ignored;
  upstream_.socket().cancel(ignored);
}

Task<void> Tunnel::run() {
  const std::string early(client_.unread());  // bytes that the client sent after its request
  client_.consume(early.size());
  client_.release_buffer();
  deadline_.set(patience_);
  ChildTask back(client_.loop());
  bool whole = false;
  const auto there = [&]() -> Task<void> {
    back.start("tunnel", pump(upstream_.socket(), client_.socket(), {}));
    co_await pump(client_.socket(), upstream_.socket(), early);
    whole = true;
  };
  // The other direction continues after this one has ended, but not after it has failed.
  const auto stop = [&]() -> Task<void> {
    if (!whole) cancel();
    co_await back.join();
  };
  co_await beside(there, stop);
}

Task<bool> Tunnel::send(Socket& to, std::string_view bytes) {
  while (!bytes.empty()) {
    Error error;
    const auto sent = to.write_some(asio::buffer(bytes), error);
    bytes.remove_prefix(sent);
    if (bytes.empty()) break;
    if (error && error != asio::error::would_block) co_return false;
    auto [waited] = co_await to.async_wait(Socket::wait_write, as_result);
    if (waited) co_return false;
  }
  co_return true;
}

Task<void> Tunnel::pump(Socket& from, Socket& to, std::string_view first) {
  Error ignored;
  bool open = co_await send(to, first);
  while (open) {
    auto [error] = co_await from.async_wait(Socket::wait_read, as_result);
    if (error) break;
    auto buffer = client_.loop().buffers().acquire();
    Error read_error;
    const auto got = from.read_some(asio::buffer(buffer.data(), buffer.size()), read_error);
    deadline_.set(patience_);
    if (got > 0) open = co_await send(to, {buffer.data(), got});
    client_.loop().buffers().release(std::move(buffer));
    if (read_error == asio::error::eof) {
      to.shutdown(Socket::shutdown_send,
                  ignored);  // the half-close is forwarded; the other direction continues
      co_return;
    }
    if (read_error && read_error != asio::error::would_block) open = false;
  }
  // After an error, the other direction is ended too.
  from.close(ignored);
  to.close(ignored);
}

}  // namespace larder::server
