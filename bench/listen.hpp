// What the bare programs of the measurements share: a listening socket on the loopback interface, and epoll.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

inline void watch(int poll, int operation, int socket, std::uint32_t events) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = socket;
  ::epoll_ctl(poll, operation, socket, &wanted);
}

/// The address of a port of this host.
inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// Exits with the reason if the port cannot be listened on.
inline int listen_on(const char* port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const auto address = loopback(static_cast<std::uint16_t>(std::atoi(port)));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener, 1024) != 0) {
    std::perror(port);
    std::exit(1);
  }
  return listener;
}
