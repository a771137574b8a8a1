// The lower bound for an HTTP/2 server without TLS: an epoll loop and nghttp2 that answer every request with
// the same fields and body.
//
//   h2_floor PORT FILE      FILE contains a response in HTTP/1, whose fields and body are sent
#include "listen.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

std::vector<std::pair<std::string, std::string>> fields;
std::vector<nghttp2_nv> values;
std::string body;

struct Client {
  nghttp2_session* session = nullptr;
  std::string out;
  std::size_t at = 0;
  bool waits = false;
};

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  const auto done = reinterpret_cast<std::size_t>(source->ptr);
  const auto size = std::min(room, body.size() - done);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (done + size == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  nghttp2_data_provider data{};
  data.read_callback = &read_body;
  nghttp2_submit_response(session, frame->hd.stream_id, values.data(), values.size(), &data);
  return 0;
}

ssize_t on_send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* client) {
  static_cast<Client*>(client)->out.append(reinterpret_cast<const char*>(bytes), size);
  return static_cast<ssize_t>(size);
}

int on_send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size,
                 nghttp2_data_source* source, void* client) {
  auto done = reinterpret_cast<std::size_t>(source->ptr);
  static_cast<Client*>(client)->out.append(reinterpret_cast<const char*>(head), 9).append(body, done, size);
  source->ptr = reinterpret_cast<void*>(done + size);
  return 0;
}

// False: the connection is broken. Sends what there is.
bool write(int poll, int socket, Client& client) {
  for (;;) {
    if (client.at == client.out.size()) {
      client.out.clear();
      client.at = 0;
      if (nghttp2_session_send(client.session) != 0) return false;
      if (client.out.empty()) break;
    }
    const auto sent =
        ::send(socket, client.out.data() + client.at, client.out.size() - client.at, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) {
      if (!std::exchange(client.waits, true)) watch(poll, EPOLL_CTL_MOD, socket, EPOLLIN | EPOLLOUT);
      return true;
    }
    client.at += static_cast<std::size_t>(sent);
  }
  if (std::exchange(client.waits, false)) watch(poll, EPOLL_CTL_MOD, socket, EPOLLIN);
  return nghttp2_session_want_read(client.session) != 0;
}

void read_response(const char* name) {
  std::ifstream file(name, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const auto end = whole.find("\r\n\r\n");
  if (end == std::string::npos) {
    std::fprintf(stderr, "h2_floor: %s has no response\n", name);
    std::exit(1);
  }
  body = whole.substr(end + 4);
  fields.emplace_back(":status", whole.substr(9, 3));
  for (auto at = whole.find("\r\n") + 2; at < end;) {
    const auto line = whole.substr(at, whole.find("\r\n", at) - at);
    const auto colon = line.find(": ");
    auto field = line.substr(0, colon);
    std::transform(field.begin(), field.end(), field.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    fields.emplace_back(field, line.substr(colon + 2));
    at += line.size() + 2;
  }
  const auto bytes = [](const std::string& text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  for (const auto& [name_of, value] : fields)
    values.push_back({bytes(name_of), bytes(value), name_of.size(), value.size(),
                      NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: h2_floor PORT FILE\n", stderr), 2;
  read_response(argv[2]);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
  nghttp2_session_callbacks_set_send_callback(callbacks, &on_send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &on_send_data);
  const int listener = listen_on(argv[1]);
  const int poll = ::epoll_create1(0);
  watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN);
  std::array<epoll_event, 256> events;
  std::array<char, 16384> input;
  std::vector<std::unique_ptr<Client>> clients;  // indexed by socket
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        send_at_once(accepted);
        const auto at = static_cast<std::size_t>(accepted);
        if (clients.size() <= at) clients.resize(at + 1);
        clients[at] = std::make_unique<Client>();
        nghttp2_session_server_new(&clients[at]->session, callbacks, clients[at].get());
        nghttp2_submit_settings(clients[at]->session, NGHTTP2_FLAG_NONE, nullptr, 0);
        watch(poll, EPOLL_CTL_ADD, accepted, EPOLLIN);
        continue;
      }
      auto& client = *clients[static_cast<std::size_t>(socket)];
      bool goes_on = true;
      if ((events[static_cast<std::size_t>(i)].events & ~EPOLLOUT) != 0) {
        const auto got = ::recv(socket, input.data(), input.size(), 0);
        goes_on = got > 0 && nghttp2_session_mem_recv(client.session,
                                                      reinterpret_cast<const std::uint8_t*>(input.data()),
                                                      static_cast<std::size_t>(got)) >= 0;
      }
      if (goes_on && write(poll, socket, client)) continue;
      nghttp2_session_del(client.session);
      clients[static_cast<std::size_t>(socket)].reset();
      ::close(socket);
    }
  }
}
