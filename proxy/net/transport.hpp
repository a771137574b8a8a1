// A connected byte stream, of a client or to the API: plain, or through a layer (TLS, or a test's script).
//
// Reads and writes are tried at once; `wait` waits for what the last attempt wanted. A plain transport makes
// one system call for each attempt, without a virtual call or an allocation. Its descriptor becomes an Asio
// socket when something is first waited for, because most connections never need that. Belongs to one loop.
#pragma once

#include "net/loop.hpp"

#include <boost/asio/buffer.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <sys/socket.h>

namespace larder {

/// How an attempt to read or write went. Small enough to be returned in registers.
struct Io {
  enum class State : std::uint8_t {
    some,        // `bytes` > 0 were transferred (writing nothing transfers 0)
    want_read,   // nothing: try again when the connection is readable
    want_write,  // nothing: try again when the connection is writable
    end,         // of reading: the peer has closed its sending side
    failed,      // the connection is broken: `number` is the system's error
  };
  State state = State::some;
  bool more = false;  // of reading: more input may be there; without it, further input is announced
  int number = 0;
  std::size_t bytes = 0;

  [[nodiscard]] Error error() const noexcept { return {number, boost::system::system_category()}; }
  [[nodiscard]] bool must_wait() const noexcept {
    return state == State::want_read || state == State::want_write;
  }
};

class Transport {
 public:
  /// At most 3 buffers are written at a time.
  using Pieces = std::span<const asio::const_buffer>;
  enum class Wait : std::uint8_t {
    read,
    write,
    broken,  // until the connection is broken; the end of the peer's sending side is not waited for
  };

  /// What stands between a Transport's users and its socket. Member functions are called on the loop.
  class Layer {
   public:
    Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    virtual ~Layer() = default;
    virtual Io read_some(std::span<char> room) noexcept = 0;
    virtual Io write_some(Pieces pieces) noexcept = 0;
    /// Three waits, one of each kind, may be under way. `below` is the transport that has this layer.
    virtual Task<Error> wait(Transport& below, Wait what) = 0;
    /// Ends waits under way.
    virtual void cancel(Transport& below) noexcept = 0;
    /// No more will be written.
    virtual void shutdown_write(Transport& below) noexcept = 0;
    /// Whether nothing can be read at the moment and the connection has not ended.
    [[nodiscard]] virtual bool is_quiet(Transport& below) noexcept = 0;
    /// Whether the peer has closed its sending side, without input before that.
    [[nodiscard]] virtual bool has_ended(Transport& below) noexcept = 0;
    /// The transport is being closed.
    virtual void close() noexcept = 0;
    /// It is about to be closed so that the peer sees a broken connection.
    virtual void abort() noexcept {}
  };

  /// Not connected.
  explicit Transport(Loop& loop) noexcept : loop_(loop) {}
  /// Takes over a connected, non-blocking socket.
  Transport(Loop& loop, Socket socket) : loop_(loop), descriptor_(socket.release()) {}
  ~Transport() { close(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  void set_layer(std::unique_ptr<Layer> layer) noexcept { layer_ = std::move(layer); }
  /// Connects to one address. Disables Nagle's algorithm for TCP. After an error it can be called again.
  [[nodiscard]] Task<Error> connect(const StreamProtocol::endpoint& endpoint);

  /// `room` is not empty.
  [[nodiscard]] Io read_some(std::span<char> room) noexcept {
    if (layer_ != nullptr) [[unlikely]]
      return layer_->read_some(room);
    ssize_t got = 0;
    do got = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    const auto bytes = static_cast<std::size_t>(got);
    if (got > 0) return {Io::State::some, bytes == room.size(), 0, bytes};
    return got == 0 ? Io{Io::State::end} : failed(Io::State::want_read);
  }
  [[nodiscard]] Io write_some(Pieces pieces) noexcept {
    return layer_ == nullptr ? write_plain(pieces) : layer_->write_some(pieces);
  }

  /// Waits; an error means that `cancel` or `close` was called, or that waiting is not possible.
  [[nodiscard]] Task<Error> wait(Wait what);
  /// The same without the layer, for layers.
  [[nodiscard]] Task<Error> wait_for_socket(Wait what);
  /// Waits for what an attempt wanted; after one that wrote a part, until more can be written.
  [[nodiscard]] Task<Error> wait(const Io& wanted) {
    return wait(wanted.state == Io::State::want_read ? Wait::read : Wait::write);
  }

  /// Whether an idle connection can be used again: nothing can be read from it, neither bytes nor its end.
  [[nodiscard]] bool is_reusable() noexcept;
  /// Whether the peer has closed its sending side or the connection is broken, as far as that can be told
  /// without reading the input before it.
  [[nodiscard]] bool has_ended() noexcept;

  /// Ends our sending side. The peer reads the end after what was written.
  void shutdown_write() noexcept;
  /// Ends waits under way.
  void cancel() noexcept;
  void close() noexcept;
  /// Closes so that the peer sees a broken connection instead of an end, where an end would look like a
  /// complete message.
  void abort() noexcept;

  /// The peer's address; nullopt if the transport is not connected.
  [[nodiscard]] std::optional<StreamProtocol::endpoint> peer() const;
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }  // -1 if closed
  /// For layers.
  [[nodiscard]] Socket& socket();

 private:
  [[nodiscard]] Io write_plain(Pieces pieces) noexcept;
  // Of the last system call.
  [[nodiscard]] static Io failed(Io::State if_it_would_block) noexcept {
    const int error = errno;
    if (error == EAGAIN || error == EWOULDBLOCK) return {if_it_would_block};
    return {Io::State::failed, false, error};
  }

  Loop& loop_;
  int descriptor_ = -1;
  std::optional<Socket> socket_;  // the same descriptor, where it is Asio's
  std::unique_ptr<Layer> layer_;  // nullptr: plain
};

/// Writes everything, in order. Returns an error if the connection is broken or a wait was cancelled.
[[nodiscard]] Task<Error> write_all(Transport& to, std::string_view bytes);

}  // namespace larder
