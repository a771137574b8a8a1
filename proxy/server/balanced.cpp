#include "server/balanced.hpp"

#include "net/proxy_header.hpp"
#include "net/spawn.hpp"

#include <array>
#include <sys/socket.h>

namespace larder::server {

namespace {

constexpr Millis proxy_header_time{5'000};

// Takes the header off the connection, and not a byte more: what follows may be TLS. Peeked bytes that all
// belong to the header are taken at once, so that waiting for more does not find them again.
Task<ProxyHeader> take_header(Loop& loop, Socket& socket) {
  Deadline deadline(loop.sweeper(), [&socket] {
    Error ignored;
    socket.cancel(ignored);
  });
  deadline.set(proxy_header_time);
  std::string taken;
  std::array<char, 512> room;
  for (;;) {
    const auto wanted = std::min(room.size(), ProxyHeader::max_size + 1 - taken.size());
    const auto got = ::recv(socket.native_handle(), room.data(), wanted, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (got < 0) {
      const auto [error] = co_await socket.async_wait(Socket::wait_read, as_result);
      if (error) break;
      continue;
    }
    const auto before = taken.size();
    taken.append(room.data(), static_cast<std::size_t>(got));
    auto header = read_proxy_header(taken);
    if (header.state == ProxyHeader::State::invalid) break;
    const bool is_complete = header.state == ProxyHeader::State::complete;
    const auto more = (is_complete ? header.size : taken.size()) - before;
    if (::recv(socket.native_handle(), room.data(), more, MSG_DONTWAIT) != static_cast<ssize_t>(more)) break;
    if (is_complete) co_return header;
  }
  co_return ProxyHeader{ProxyHeader::State::invalid, 0, {}};
}

void refuse(Worker& worker, std::string_view peer, std::string_view why) {
  worker.shared.notices.proxy_refused(peer, why);
  worker.loop.counters().proxy_refused.add();
}

// Counted in Shared::connections, until a session is.
class Counted {
 public:
  explicit Counted(Shared& shared) noexcept : shared_(&shared) {}
  ~Counted() {
    if (shared_ != nullptr) shared_->connections.fetch_sub(1, std::memory_order_relaxed);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  void hand_over() noexcept { shared_ = nullptr; }

 private:
  Shared* shared_;
};

Task<void> begin_balanced(Worker& worker, Socket socket, std::string address, std::uint16_t port,
                          std::shared_ptr<const ListenerRules> rules) {
  Counted counted(worker.shared);
  const auto header = co_await take_header(worker.loop, socket);
  if (header.state != ProxyHeader::State::complete) {
    refuse(worker, address, "it did not begin with a header of the PROXY protocol (version 1 or 2)");
    co_return;
  }
  if (!header.address.empty()) address = header.address;
  counted.hand_over();
  begin_session(worker, std::move(socket), Peer{std::move(address), port}, std::move(rules));
}

}  // namespace

void begin_connection(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules) {
  if (rules->proxy_from.empty())
    return begin_session(worker, std::move(socket), std::move(peer), std::move(rules));
  if (!settings::contains(rules->proxy_from, peer.address)) {
    const Counted counted(worker.shared);
    return refuse(worker, peer.address,
                  "the peer is not one of the balancers; if it is, add it to proxy_protocol: {from: [...]}");
  }
  spawn(
      worker.loop, "PROXY protocol",
      begin_balanced(worker, std::move(socket), std::move(peer.address), peer.local_port, std::move(rules)));
}

}  // namespace larder::server
