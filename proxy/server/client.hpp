// The client's side of a connection: bytes in and out, with deadlines. Knows nothing of HTTP.
//
// Reading and writing try at once and wait only when the socket would block, so an answer at hand costs one
// recv and one send. Between requests a client has no buffer lent, but a landing of its own, as large as what
// it has sent at a time so far: a read that waits there costs one call to the kernel, where to wait and then
// to read would cost two.
#pragma once

#include "loop/loop.hpp"

#include <boost/asio/buffer.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace larder::server {

class Client {
 public:
  Client(Loop& loop, Socket socket, std::string address);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] const std::string& address() const noexcept { return address_; }  // empty for a Unix socket
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Socket& socket() noexcept { return socket_; }
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }

  // Input. The unread bytes stand in one lent buffer, which goes back when there are none.
  [[nodiscard]] std::string_view unread() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) noexcept { begin_ += bytes; }
  void give_back_buffer();

  enum class Read : std::uint8_t { some, would_block, end, failed };
  /// Bytes that may land at a time; a lent buffer holds as many.
  static constexpr std::size_t largest_landing = 2048;
  /// Waits for input, however long; what came of it is for `landed`, at once.
  [[nodiscard]] auto landing() { return socket_.async_receive(room(), as_result); }
  /// The bytes are behind the unread ones then. `failed` when cancelled by the deadline or otherwise.
  [[nodiscard]] Read landed(const Error& error, std::size_t bytes);
  /// Reads once, behind the unread bytes, without waiting.
  [[nodiscard]] Read read_now();
  /// Waits until there is something to read (or the end); false when cancelled by the deadline or otherwise.
  [[nodiscard]] auto readable() { return socket_.async_wait(Socket::wait_read, as_result); }
  /// Reads once, waiting at most `patience`.
  [[nodiscard]] Task<Read> read(Millis patience);

  // Output.
  using Pieces = std::span<const asio::const_buffer>;
  /// Sends what it can without waiting; nullopt when the connection is broken.
  [[nodiscard]] std::optional<std::size_t> write_now(Pieces pieces);
  /// Sends everything; false when the connection broke or stood still for `patience`.
  [[nodiscard]] Task<bool> write(std::string_view first, std::string_view second, std::string_view third,
                                 Millis patience);
  [[nodiscard]] Task<bool> write(std::string_view bytes, Millis patience) {
    return write(bytes, {}, {}, patience);
  }

  /// Closes so that what was sent arrives: ends our side, then reads and drops what the client still sends,
  /// for a bounded time.
  [[nodiscard]] Task<void> linger();
  /// Ends whatever waits on the socket.
  void cancel() noexcept;
  void close() noexcept;
  /// Closes so that the peer sees a broken connection, not an end (where an end would look like a complete
  /// answer).
  void abort() noexcept;
  /// The client has closed its sending side or is gone, as far as can be told without reading what it has
  /// sent.
  [[nodiscard]] bool has_ended() noexcept;

 private:
  /// Behind the unread bytes, or the landing where no buffer is lent.
  [[nodiscard]] asio::mutable_buffer room();
  void make_room();

  Loop& loop_;
  Socket socket_;
  std::string address_;
  Deadline deadline_;
  Buffer buffer_;
  Buffer landing_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace larder::server
