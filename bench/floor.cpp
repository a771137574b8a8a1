// The lower bound for a server: an epoll loop that sends the same bytes in response to every read, without
// parsing. Shows what any server pays to the kernel. Also used as an API that responds at once.
//
//   floor PORT FILE      FILE contains the whole response, head and body
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

enum class Sent { All, Part, Failed };

struct Client {
  std::size_t done = 0;  // bytes of the current response already sent
  bool waits = false;    // for space in the socket's buffer
};

// Sends as much of the rest as the socket accepts.
Sent send_rest(int socket, const std::string& answer, std::size_t& done) {
  while (done < answer.size()) {
    const auto count = ::send(socket, answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN ? Sent::Part : Sent::Failed;
    done += static_cast<std::size_t>(count);
  }
  done = 0;
  return Sent::All;
}

void watch(int poll, int operation, int socket, std::uint32_t events) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = socket;
  ::epoll_ctl(poll, operation, socket, &wanted);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: floor PORT FILE\n", stderr), 2;
  std::ifstream file(argv[2], std::ios::binary);
  const std::string answer{std::istreambuf_iterator<char>(file), {}};
  if (answer.empty()) return std::fprintf(stderr, "floor: %s cannot be read, or is empty\n", argv[2]), 1;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener, 1024) != 0) {
    return std::perror("floor"), 1;
  }
  const int poll = ::epoll_create1(0);
  watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN);
  std::array<epoll_event, 256> events;
  std::array<char, 16384> input;
  std::vector<Client> clients;  // indexed by socket
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const int socket = event.data.fd;
      if (socket == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (clients.size() <= static_cast<std::size_t>(accepted))
          clients.resize(static_cast<std::size_t>(accepted) + 1);
        clients[static_cast<std::size_t>(accepted)] = {};
        watch(poll, EPOLL_CTL_ADD, accepted, EPOLLIN);
        continue;
      }
      auto& client = clients[static_cast<std::size_t>(socket)];
      if (!client.waits && ::recv(socket, input.data(), input.size(), 0) <= 0) {
        ::close(socket);
        continue;
      }
      switch (send_rest(socket, answer, client.done)) {
        case Sent::All:
          if (client.waits) watch(poll, EPOLL_CTL_MOD, socket, EPOLLIN);
          client.waits = false;
          break;
        case Sent::Part:
          if (!client.waits) watch(poll, EPOLL_CTL_MOD, socket, EPOLLOUT);
          client.waits = true;
          break;
        case Sent::Failed:
          ::close(socket);
          break;
      }
    }
  }
}
