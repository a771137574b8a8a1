// Sockets at rest: connections that wait for their client's next request, in an epoll set of the loop's own.
//
// Asio would have the kernel told anew each time that a connection begins to wait, and keeps a coroutine and
// an operation for it meanwhile. Here a socket is registered once, edge-triggered; to wait costs nothing, and
// when there is input a function is called. Threading: of one loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstdint>
#include <vector>

namespace larder {

class IdleSet {
 public:
  class Connection {
   public:
    /// Input has come since the last call. `ends`: the end of it, or an error, is behind it, which will not
    /// be told again. It may be called whatever the guest is about; it may destroy the guest.
    virtual void on_input(bool ends) noexcept = 0;

   protected:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() = default;

   private:
    friend class IdleSet;
    std::uint32_t slot_ = none;
  };

  /// Throws where the kernel has no epoll set to give.
  explicit IdleSet(boost::asio::io_context& io);
  IdleSet(const IdleSet&) = delete;
  IdleSet& operator=(const IdleSet&) = delete;

  /// From now on until `remove`. What is there already counts as having come. False where the kernel refuses.
  [[nodiscard]] bool add(int descriptor, Connection& connection);
  /// The descriptor is closed before or right after.
  void remove(Connection& connection) noexcept;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  // An event names a slot and its generation: a guest that left while events were being handed out, or whose
  // slot has another guest by then, is not called.
  struct Slot {
    Connection* connection = nullptr;
    std::uint32_t generation = 0;
  };
  void wait();
  void hand_out();

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> set_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace larder
