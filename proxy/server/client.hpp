// The client's side of a connection: bytes in and out, with deadlines. Knows nothing of HTTP.
//
// Reading and writing try at once and wait only when the socket would block, so an answer at hand costs one
// recv and one send. The socket becomes Asio's when something is first waited for; between requests a client
// is at rest (loop/rest), and has no buffer.
#pragma once

#include "net/loop.hpp"

#include <boost/asio/buffer.hpp>

#include <optional>
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
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// For waiting.
  [[nodiscard]] Socket& socket();
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }

  // Input. The unread bytes stand in one lent buffer, which goes back when there are none.
  [[nodiscard]] std::string_view unread() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) noexcept { begin_ += bytes; }
  void release_buffer();

  enum class Read : std::uint8_t { some, would_block, end, failed };
  /// Whether a read may find something: input has been announced, or the last read left some.
  [[nodiscard]] bool may_have_input() const noexcept { return may_have_input_; }
  void input_has_come() noexcept { may_have_input_ = true; }
  /// Its end, or an error, lies behind what is to be read: a read finds it sooner or later.
  void input_ends() noexcept { input_ends_ = true; }
  /// Reads once, behind the unread bytes, without waiting.
  [[nodiscard]] Read read_now();
  /// Waits until there is something to read (or the end); false when cancelled by the deadline or otherwise.
  [[nodiscard]] auto readable() { return socket().async_wait(Socket::wait_read, as_result); }
  /// Reads once, waiting at most `patience`.
  [[nodiscard]] Task<Read> read(Millis timeout);

  // Output.
  using Pieces = std::span<const asio::const_buffer>;
  /// Sends what it can without waiting; nullopt when the connection is broken.
  [[nodiscard]] std::optional<std::size_t> write_now(Pieces pieces);
  /// Sends everything; false when the connection broke or stood still for `patience`.
  [[nodiscard]] Task<bool> write(std::string_view first, std::string_view second, std::string_view third,
                                 Millis timeout);
  [[nodiscard]] Task<bool> write(std::string_view bytes, Millis timeout) {
    return write(bytes, {}, {}, timeout);
  }

  /// Closes so that what was sent arrives: ends our side, then reads and drops what the client still sends,
  /// for a bounded time.
  [[nodiscard]] Task<void> linger();
  /// Ends whatever waits on the socket; of a client at rest, calls what `at_rest` was given.
  void cancel() noexcept;
  /// Nothing waits on the socket: what `cancel`, and so the deadline, does instead, which may destroy the
  /// client. nullptr: it is no longer at rest.
  using Rested = void (*)(void* self) noexcept;
  void at_rest(Rested cancelled, void* self) noexcept {
    cancelled_ = cancelled;
    self_ = self;
  }
  void close() noexcept;
  /// Closes so that the peer sees a broken connection, not an end (where an end would look like a complete
  /// answer).
  void abort() noexcept;
  /// The client has closed its sending side or is gone, as far as can be told without reading what it has
  /// sent.
  [[nodiscard]] bool has_ended() noexcept;

 private:
  void make_room();

  Loop& loop_;
  int descriptor_;                // -1 once it is closed
  std::optional<Socket> socket_;  // the same, where it is Asio's
  bool may_have_input_ = false;
  bool input_ends_ = false;
  Rested cancelled_ = nullptr;
  void* self_ = nullptr;
  std::string address_;
  Deadline deadline_;
  Buffer buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace larder::server
