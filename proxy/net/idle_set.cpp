#include "net/idle_set.hpp"

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <sys/epoll.h>

namespace larder {

namespace {

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  return set;
}

}  // namespace

IdleSet::IdleSet(boost::asio::io_context& io) : set_(io, make_set()) {
  wait();
}

bool IdleSet::add(int descriptor, Connection& connection) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto index = free_.back();
  auto& slot = slots_[index];
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  wanted.data.u64 = (std::uint64_t{slot.generation} << 32) | index;
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, descriptor, &wanted) != 0) return false;
  free_.pop_back();
  slot.connection = &connection;
  connection.slot_ = index;
  return true;
}

// No epoll_ctl call is needed: closing the descriptor unregisters it.
void IdleSet::remove(Connection& connection) noexcept {
  if (connection.slot_ == none) return;
  auto& slot = slots_[connection.slot_];
  slot.connection = nullptr;
  ++slot.generation;
  free_.push_back(connection.slot_);
  connection.slot_ = none;
}

void IdleSet::wait() {
  set_.async_wait(set_.wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    hand_out();
    wait();
  });
}

void IdleSet::hand_out() {
  std::array<epoll_event, 256> events;
  int count = 0;
  do {
    count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const auto name = event.data.u64;
      const auto& slot = slots_[static_cast<std::uint32_t>(name)];
      if (slot.connection != nullptr && slot.generation == name >> 32)
        slot.connection->on_input((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
  } while (count == static_cast<int>(events.size()));
}

}  // namespace larder
