// Programs used by scale.py: clients, an origin for streams, and baselines.
//
//   scale clients PORT TARGET [COUNT]  keep-alive connections, controlled by lines on standard input; each is
//                                      answered by a line when it is done:
//       open N      opens N connections and sends a request on each
//       run N MS    the first N send requests for MS ms; prints REQUESTS SECONDS
//       fill A B N  requests the numbers A to B, N at a time
//       time N A    N requests, one after the other, numbers from A on; prints NANOSECONDS of each
//     A # in TARGET is a number: that of `fill` and `time`, otherwise a random one up to COUNT.
//   scale fetch PORT TARGET            reads a response to its end and discards it: BYTES SECONDS
//   scale stream PORT                  an origin: /pass/length/N and /pass/chunked/N are N bytes, framed so
//   scale answers PORT COUNT BODY      responds to /e/N with the Nth of COUNT strings: baseline of hits
//   scale relay PORT UPSTREAM          copies between sockets: baseline of a stream
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <sstream>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t piece = 64 * 1024;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "scale: " << what << ": " << std::strerror(errno) << std::endl;
  std::_Exit(1);
}

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int connect_to(int port) {
  const auto address = loopback(port);
  const int on = 1;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail("connect to port " + std::to_string(port));
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const timeval timeout{60, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  return socket;
}

int listen_on(int port) {
  const auto address = loopback(port);
  const int on = 1;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket, 1024) != 0)
    fail("listen on port " + std::to_string(port));
  return socket;
}

bool send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const auto sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// ---- clients ----

class Clients {
 public:
  Clients(int port, const std::string& target, std::uint64_t count) : port_(port), count_(count) {
    const auto mark = target.find('#');
    numbered_ = mark != std::string::npos;
    before_ = "GET " + target.substr(0, mark);
    after_ = (numbered_ ? target.substr(mark + 1) : "") + " HTTP/1.1\r\nHost: larder.test\r\n\r\n";
  }

  void steer() {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string verb;
      words >> verb;
      std::array<std::uint64_t, 3> of{};
      for (auto& number : of) words >> number;
      if (verb == "open") open(of[0]);
      if (verb == "run") run(of[0], of[1]);
      if (verb == "fill") fill(of[0], of[1], of[2]);
      if (verb == "time") time(of[0], of[1]);
    }
  }

 private:
  void ask(int socket, std::uint64_t of) {
    request_ = before_;
    if (numbered_) request_ += std::to_string(of);
    request_ += after_;
    if (!send_all(socket, request_.data(), request_.size())) fail("send");
  }

  std::uint64_t any() { return std::uniform_int_distribution<std::uint64_t>(1, count_)(random_); }

  // Reads one response to its end. A connection has one request at a time, so everything received belongs to
  // its response.
  void read_answer(int socket) {
    std::size_t have = 0, want = 0;
    do {
      const auto got = ::recv(socket, input_.data() + have, input_.size() - 1 - have, 0);
      if (got <= 0) fail("no answer");
      have += static_cast<std::size_t>(got);
      if (want != 0) continue;
      input_[have] = '\0';
      const char* end = std::strstr(input_.data(), "\r\n\r\n");
      if (end == nullptr) continue;
      if (std::strncmp(input_.data() + 8, " 200", 4) != 0)
        fail("not a 200 but " + std::string(input_.data(), 32));
      const char* length = strcasestr(input_.data(), "\r\ncontent-length:");
      if (length == nullptr || length > end) fail("an answer without Content-Length");
      want = static_cast<std::size_t>(end + 4 - input_.data()) + std::strtoull(length + 17, nullptr, 10);
      if (want >= input_.size()) fail("an answer that is too large");
    } while (want == 0 || have < want);
  }

  void open(std::size_t total) {
    while (sockets_.size() < total) {
      sockets_.push_back(connect_to(port_));
      ask(sockets_.back(), any());
      read_answer(sockets_.back());
    }
    std::cout << "open " << total << std::endl;
  }

  void run(std::size_t active, std::uint64_t milliseconds) {
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    for (std::size_t i = 0; i < active; ++i) {
      event.data.fd = sockets_.at(i);
      ::epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::milliseconds(milliseconds);
    for (std::size_t i = 0; i < active; ++i) ask(sockets_[i], any());
    std::array<epoll_event, 512> events;
    std::uint64_t answered = 0;
    for (std::size_t waiting = active; waiting > 0;) {
      const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
      const bool more = Clock::now() < end;
      for (int i = 0; i < count; ++i) {
        const int socket = events[static_cast<std::size_t>(i)].data.fd;
        read_answer(socket);
        ++answered;
        if (more)
          ask(socket, any());
        else
          --waiting;
      }
    }
    std::cout << "run " << answered << ' ' << seconds_since(begun) << std::endl;
    ::close(poll);
  }

  void fill(std::uint64_t from, std::uint64_t to, std::size_t at_a_time) {
    while (sockets_.size() < at_a_time) sockets_.push_back(connect_to(port_));
    for (auto next = from; next <= to;) {
      const auto batch = std::min<std::uint64_t>(at_a_time, to - next + 1);
      for (std::size_t i = 0; i < batch; ++i) ask(sockets_[i], next++);
      for (std::size_t i = 0; i < batch; ++i) read_answer(sockets_[i]);
    }
    std::cout << "fill " << to << std::endl;
  }

  void time(std::uint64_t count, std::uint64_t from) {
    if (sockets_.empty()) sockets_.push_back(connect_to(port_));
    std::cout << "time";
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begun = Clock::now();
      ask(sockets_[0], from + i);
      read_answer(sockets_[0]);
      std::cout << ' ' << std::chrono::nanoseconds(Clock::now() - begun).count();
    }
    std::cout << std::endl;
  }

  int port_;
  std::uint64_t count_;
  bool numbered_ = false;
  std::string before_, after_, request_;
  std::vector<int> sockets_;
  std::array<char, 2 * piece> input_{};
  std::minstd_rand random_{1};
};

void fetch(int port, const std::string& target) {
  const auto begun = Clock::now();
  const int socket = connect_to(port);
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: larder.test\r\nConnection: close\r\n\r\n";
  if (!send_all(socket, request.data(), request.size())) fail("send");
  std::vector<char> input(4 * piece);
  std::uint64_t bytes = 0;
  for (;;) {
    const auto got = ::recv(socket, input.data(), input.size(), 0);
    if (got < 0) fail("read");
    if (got == 0) break;
    bytes += static_cast<std::uint64_t>(got);
  }
  std::cout << "fetch " << bytes << ' ' << seconds_since(begun) << std::endl;
}

// ---- an origin for streams ----

void send_stream(int socket, std::uint64_t left, bool chunked) {
  static const std::string bytes(piece, 'x');
  static std::string end = "\r\n";
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n";
  head +=
      chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: " + std::to_string(left) + "\r\n\r\n";
  if (!send_all(socket, head.data(), head.size())) return;
  while (left > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece));
    if (chunked) {
      std::ostringstream line;
      line << std::hex << size << "\r\n";
      const auto start = line.str();
      std::array<iovec, 3> parts{{{const_cast<char*>(start.data()), start.size()},
                                  {const_cast<char*>(bytes.data()), size},
                                  {end.data(), end.size()}}};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      // The socket is blocking: either everything is sent or the client has left.
      if (::sendmsg(socket, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(start.size() + size + 2)) return;
    } else if (!send_all(socket, bytes.data(), size)) {
      return;
    }
    left -= size;
  }
  if (chunked) send_all(socket, "0\r\n\r\n", 5);
}

void answer(int socket) {
  std::string head;
  std::array<char, 4096> input;
  for (;;) {
    const auto got = ::recv(socket, input.data(), input.size(), 0);
    if (got <= 0) break;
    head.append(input.data(), static_cast<std::size_t>(got));
    if (!head.ends_with("\r\n\r\n")) continue;
    const bool chunked = head.starts_with("GET /pass/chunked/");
    const auto number = std::strlen(chunked ? "GET /pass/chunked/" : "GET /pass/length/");
    send_stream(socket, std::strtoull(head.c_str() + number, nullptr, 10), chunked);
    if (strcasestr(head.c_str(), "\r\nconnection: close") != nullptr) break;
    head.clear();
  }
  ::close(socket);
}

// ---- a different response for each target ----

void serve_answers(int listener, std::size_t count, std::size_t body) {
  std::vector<std::string> answers(count + 1);
  for (auto& one : answers) {
    one = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body) +
          "\r\n\r\n" + std::string(body, 'x');
  }
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = listener;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
  std::array<epoll_event, 256> events;
  std::array<char, 4096> input{};
  for (;;) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        wanted.data.fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        ::epoll_ctl(poll, EPOLL_CTL_ADD, wanted.data.fd, &wanted);
        continue;
      }
      const auto got = ::recv(socket, input.data(), input.size() - 1, 0);
      const auto of = std::strtoull(input.data() + std::strlen("GET /e/"), nullptr, 10);
      const auto& answer = answers[std::min<std::size_t>(of, count)];
      if (got <= 0 || !send_all(socket, answer.data(), answer.size())) ::close(socket);
    }
  }
}

// ---- a plain copy ----

bool copy_some(int from, int to, std::vector<char>& buffer) {
  const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
  return got > 0 && send_all(to, buffer.data(), static_cast<std::size_t>(got));
}

void copy(int client, int upstream_port) {
  const int upstream = connect_to(upstream_port);
  std::vector<char> buffer(piece);
  std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {upstream, POLLIN, 0}}};
  for (bool open = true; open;) {
    if (::poll(ends.data(), ends.size(), -1) < 0) break;
    if (ends[0].revents != 0) open = copy_some(client, upstream, buffer);
    if (open && ends[1].revents != 0) open = copy_some(upstream, client, buffer);
  }
  ::close(upstream);
  ::close(client);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto verb = words.empty() ? std::string() : words[0];
  const auto port = words.size() > 1 ? std::atoi(words[1].c_str()) : 0;
  if (verb == "clients" && (words.size() == 3 || words.size() == 4)) {
    Clients(port, words[2], words.size() == 4 ? std::strtoull(words[3].c_str(), nullptr, 10) : 1).steer();
  } else if (verb == "fetch" && words.size() == 3) {
    fetch(port, words[2]);
  } else if (verb == "answers" && words.size() == 4) {
    serve_answers(listen_on(port), std::strtoull(words[2].c_str(), nullptr, 10),
                  std::strtoull(words[3].c_str(), nullptr, 10));
  } else if ((verb == "stream" && words.size() == 2) || (verb == "relay" && words.size() == 3)) {
    const int upstream = verb == "relay" ? std::atoi(words[2].c_str()) : 0;
    for (const int listener = listen_on(port);;) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      if (upstream == 0)
        std::thread(answer, client).detach();
      else
        copy(client, upstream);  // one after the other: the CPU time of a thread is lost when it ends
    }
  } else {
    std::cerr << "usage: scale clients PORT TARGET [COUNT] | fetch PORT TARGET | stream PORT | relay PORT "
                 "UPSTREAM\n";
    return 2;
  }
}
