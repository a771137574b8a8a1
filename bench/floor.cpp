// The floor: an epoll loop that answers every read with the same bytes and looks at nothing. What any server
// pays to the kernel.
//
//   floor PORT FILE      FILE holds the whole response, head and body
#include <array>
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

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: floor PORT FILE\n", stderr), 2;
  std::ifstream file(argv[2], std::ios::binary);
  const std::string answer{std::istreambuf_iterator<char>(file), {}};
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
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = listener;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
  std::array<epoll_event, 256> events;
  std::array<char, 16384> input;
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        wanted.data.fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        ::setsockopt(wanted.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        ::epoll_ctl(poll, EPOLL_CTL_ADD, wanted.data.fd, &wanted);
        continue;
      }
      const auto got = ::recv(socket, input.data(), input.size(), 0);
      if (got <= 0 || ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) ::close(socket);
    }
  }
}
