// The client's side of a connection: bytes in and out, with deadlines. Knows nothing of HTTP.
//
// Reading and writing try at once and wait only when the socket would block, so an answer at hand costs one
// recv and one send. Between requests a client is idle (net/idle_set) and has no buffer.
#pragma once

#include "net/transport.hpp"

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
  [[nodiscard]] Transport& transport() noexcept { return transport_; }
  [[nodiscard]] Deadline& deadline() noexcept { return deadline_; }

  // Input. The unread bytes are in one buffer of the loop's pool, which is released when there are none.
  [[nodiscard]] std::string_view unread() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) noexcept { begin_ += bytes; }
  void release_buffer();
  /// The unread bytes are part of a head whose rest may be long in coming: keeps them in no more memory than
  /// they take.
  void set_aside();

  enum class Read : std::uint8_t { some, would_block, end, failed };
  /// Whether a read may find something: input has been announced, or the last read left some.
  [[nodiscard]] bool may_have_input() const noexcept { return may_have_input_; }
  void input_has_come() noexcept { may_have_input_ = true; }
  /// Its end, or an error, lies behind what is to be read: a read finds it sooner or later.
  void input_ends() noexcept { input_ends_ = true; }
  /// Reads once, behind the unread bytes, without waiting.
  [[nodiscard]] Read read_now();
  /// Whether reading goes on only when something can be written: in a handshake.
  [[nodiscard]] bool reads_after_writing() const noexcept { return read_wants_ == Transport::Wait::write; }
  /// Waits until there is something to read (or the end); an error when cancelled by the deadline or
  /// otherwise.
  [[nodiscard]] Task<Error> readable() { return transport_.wait(read_wants_); }
  /// Reads once, waiting at most `timeout`.
  [[nodiscard]] Task<Read> read(Millis timeout);

  // Output.
  using Pieces = Transport::Pieces;
  /// Sends what it can without waiting; nullopt when the connection is broken.
  [[nodiscard]] std::optional<std::size_t> write_now(Pieces pieces) {
    const auto io = transport_.write_some(pieces);
    if (io.state == Io::State::failed) return std::nullopt;
    loop_.counters().bytes_sent.add(static_cast<std::int64_t>(io.bytes));
    return io.bytes;
  }
  /// Sends everything; false when the connection broke or accepted nothing for `timeout`.
  [[nodiscard]] Task<bool> write(std::string_view first, std::string_view second, std::string_view third,
                                 Millis timeout);
  [[nodiscard]] Task<bool> write(std::string_view bytes, Millis timeout) {
    return write(bytes, {}, {}, timeout);
  }

  /// Closes so that what was sent arrives: ends our side, then reads and drops what the client still sends,
  /// for a bounded time.
  [[nodiscard]] Task<void> linger();
  /// Ends whatever waits on the socket; of a client at rest, calls its owner.
  void cancel() noexcept;
  class Owner {
   public:
    /// `cancel` was called, or the deadline has passed, while nothing waits on the connection. May destroy
    /// the client.
    virtual void on_cancelled() noexcept = 0;

   protected:
    ~Owner() = default;
  };
  /// Nothing waits on the connection until this is called with nullptr.
  void at_rest(Owner* owner) noexcept { owner_ = owner; }
  void close() noexcept { transport_.close(); }
  /// Closes so that the peer sees a broken connection, not an end (where an end would look like a complete
  /// answer).
  void abort() noexcept { transport_.abort(); }
  /// The client has closed its sending side or is gone, as far as can be told without reading what it has
  /// sent.
  [[nodiscard]] bool has_ended() noexcept { return begin_ == end_ && transport_.has_ended(); }

 private:
  void make_room();

  Loop& loop_;
  Transport transport_;
  bool may_have_input_ = false;
  bool input_ends_ = false;
  Transport::Wait read_wants_ = Transport::Wait::read;
  Owner* owner_ = nullptr;  // while nothing waits on the connection
  std::string address_;
  Deadline deadline_;
  Buffer buffer_;
  bool is_set_aside_ = false;  // buffer_ is not of the pool
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace larder::server
