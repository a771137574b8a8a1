// Idle connections that wait for their client's next request, in an epoll set of the loop.
//
// With Asio, each wait would need a system call and hold a coroutine and an operation in memory. Here a
// socket is registered once, edge-triggered; waiting costs nothing, and a function is called when there is
// input. Belongs to one loop.
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
    /// Input has arrived since the last call. `ends`: the input is followed by its end or an error, which is
    /// not reported again. May be called whatever the connection is doing; may destroy the connection.
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

  /// Throws if the kernel cannot create an epoll set.
  explicit IdleSet(boost::asio::io_context& io);
  IdleSet(const IdleSet&) = delete;
  IdleSet& operator=(const IdleSet&) = delete;

  /// Registers a connection until `remove`. Input that is already available is reported. Returns false if the
  /// kernel refuses.
  [[nodiscard]] bool add(int descriptor, Connection& connection);
  /// Unregisters a connection. The descriptor must be closed before or right after the call.
  void remove(Connection& connection) noexcept;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  // Events contain a slot and its generation, so that a connection that was removed while events are
  // dispatched is not called, nor is a new connection in its slot.
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
