#include "server/tunnel.hpp"

#include <utility>

namespace larder::server {

namespace {

constexpr Millis half_open_time{1000};

}  // namespace

Tunnel::Tunnel(Loop& loop, Transport& client, Transport& upstream, Millis timeout)
    : loop_(loop), client_(client), upstream_(upstream), timeout_(timeout), deadline_(loop.sweeper(), [this] {
        cancel();
      }) {}

void Tunnel::cancel() noexcept {
  client_.cancel();
  upstream_.cancel();
}

Task<void> Tunnel::run(std::string from_client, std::string from_upstream) {
  deadline_.set(timeout_);
  ChildTask back(loop_);
  bool whole = false;
  const auto there = [&]() -> Task<void> {
    back.start("tunnel", pump(upstream_, client_, from_upstream));
    co_await pump(client_, upstream_, from_client);
    whole = true;
  };
  // The other direction continues after this one has ended, but not after it has failed.
  const auto stop = [&]() -> Task<void> {
    if (!whole) cancel();
    co_await back.join();
  };
  co_await beside(there, stop);
}

Task<void> Tunnel::pump(Transport& from, Transport& to, std::string_view first) {
  bool open = !co_await write_all(to, first);
  Io io{Io::State::want_read};
  while (open) {
    if (io.must_wait() && co_await from.wait(io)) break;
    auto buffer = loop_.buffers().acquire();
    io = from.read_some({buffer.data(), buffer.size()});
    if (!is_ending_) deadline_.set(timeout_);
    if (io.bytes > 0) open = !co_await write_all(to, {buffer.data(), io.bytes});
    loop_.buffers().release(std::move(buffer));
    if (io.state == Io::State::end) {
      // A half-close is passed on. The other direction has a moment to end, because no protocol that is
      // tunnelled goes on in one direction.
      to.shutdown_write();
      if (!std::exchange(is_ending_, true)) deadline_.set(half_open_time);
      co_return;
    }
    if (io.state == Io::State::failed) open = false;
    // After a read that took everything, the next one would only find that out.
    if (!io.more && !io.must_wait()) io = {Io::State::want_read};
  }
  // Broken: nothing of the other direction is of use any more.
  from.close();
  to.close();
}

}  // namespace larder::server
