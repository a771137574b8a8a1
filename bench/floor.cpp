// The lower bound for a server: an epoll loop that sends the same bytes in response to every read, without
// parsing. Shows what any server pays to the kernel. Also used as an API that responds at once.
//
//   floor PORT FILE      FILE contains the whole response, head and body
#include "listen.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: floor PORT FILE\n", stderr), 2;
  std::ifstream file(argv[2], std::ios::binary);
  const std::string answer{std::istreambuf_iterator<char>(file), {}};
  if (answer.empty()) return std::fprintf(stderr, "floor: %s cannot be read, or is empty\n", argv[2]), 1;
  const int listener = listen_on(argv[1]);
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
        send_at_once(accepted);
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
