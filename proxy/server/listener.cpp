#include "server/listener.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace larder::server {

namespace {

constexpr int backlog = 4096;
constexpr Millis accept_pause{100};
constexpr int max_unsent = 256 * 1024;  // bytes of a response in the kernel that cannot be sent yet

using Result = std::variant<Bound, std::string>;

std::string failed(const std::string& what, const std::string& where, int error) {
  return "cannot " + what + " " + where + ": " + std::strerror(error);
}

std::string name_of(int descriptor, int family) {
  if (family == AF_UNIX) return "unix";
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?";
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(), port.data(),
                port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const bool six = family == AF_INET6;
  return std::string("http://") + (six ? "[" : "") + host.data() + (six ? "]" : "") + ":" + port.data();
}

// A socket file without a listener was left by a process that was killed.
bool remove_stale_socket(const sockaddr_un& address, socklen_t size) {
  struct stat info {};
  if (::stat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool alive = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  ::close(probe);
  return !alive && ::unlink(address.sun_path) == 0;
}

Result bind_unix(const settings::UnixAddress& local) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (local.path.size() >= sizeof(address.sun_path))
    return "the path is too long for a Unix socket: " + local.path;
  std::memcpy(address.sun_path, local.path.data(), local.path.size());
  const bool abstract = local.path.starts_with('@');
  if (abstract) address.sun_path[0] = '\0';
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + local.path.size() + (abstract ? 0 : 1));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto attempt = [&] {
    return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  };
  bool bound = attempt();
  if (!bound && errno == EADDRINUSE && !abstract && remove_stale_socket(address, size)) bound = attempt();
  if (!bound || ::listen(descriptor, backlog) != 0) {
    const int error = errno;
    ::close(descriptor);
    return failed("listen on", "unix:" + local.path, error);
  }
  return Bound{descriptor, AF_UNIX, "unix:" + local.path, abstract ? std::string() : local.path};
}

Result bind_tcp(const settings::TcpAddress& tcp, bool share) {
  const auto where = settings::to_string(settings::ListenAddress(tcp));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(tcp.port);
  if (const int code =
          ::getaddrinfo(tcp.host.empty() ? nullptr : tcp.host.c_str(), port.c_str(), &hints, &found);
      code != 0) {
    return "cannot listen on " + where + ": " + ::gai_strerror(code);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<const addrinfo*> addresses;
  for (const auto* at = found; at != nullptr; at = at->ai_next) addresses.push_back(at);
  // Without a host, one socket for both families; IPv4 alone only where there is no IPv6.
  const bool is_every = tcp.host.empty();
  if (is_every)
    std::stable_sort(addresses.begin(), addresses.end(), [](const auto* a, const auto* b) {
      return a->ai_family == AF_INET6 && b->ai_family != AF_INET6;
    });
  int error = 0;
  for (const auto* at : addresses) {
    const int descriptor = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
      error = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const int off = 0;
    if (is_every && at->ai_family == AF_INET6)
      ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (share) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    // Inherited by the connections. The kernel would otherwise take megabytes for a client that does not
    // read.
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent, sizeof(max_unsent));
    if (::bind(descriptor, at->ai_addr, at->ai_addrlen) == 0 && ::listen(descriptor, backlog) == 0) {
      return Bound{descriptor, at->ai_family, name_of(descriptor, at->ai_family), {}};
    }
    error = errno;
    ::close(descriptor);
    if (is_every && error != EADDRNOTAVAIL) break;
  }
  return failed("listen on", where, error);
}

Result inherit(const settings::InheritedSocket& inherited) {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(0, &names);
  int descriptor = -1;
  for (int i = 0; i < count; ++i) {
    if (descriptor < 0 && inherited.name == names[i]) descriptor = SD_LISTEN_FDS_START + i;
    std::free(names[i]);
  }
  std::free(names);
  if (descriptor < 0) {
    return "cannot listen on fd:" + inherited.name +
           ": the service manager passed no socket of that name (FileDescriptorName=)";
  }
  // Each owner closes its own descriptor.
  const int own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  int family = 0;
  socklen_t size = sizeof(family);
  if (own < 0 || ::getsockopt(own, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0)
    return failed("use", "fd:" + inherited.name, errno);
  return Bound{own, family, family == AF_UNIX ? "fd:" + inherited.name : name_of(own, family), {}};
}

asio::ip::tcp::endpoint as_tcp(const StreamProtocol::endpoint& endpoint) {
  asio::ip::tcp::endpoint address;
  address.resize(endpoint.size());
  std::memcpy(address.data(), endpoint.data(), endpoint.size());
  return address;
}

// nullopt if the peer has disconnected already: a TCP peer without an address must not be taken for a Unix
// socket's.
std::optional<Peer> peer_of(const Socket& socket, int family) {
  if (family == AF_UNIX) return Peer{};
  Error error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return std::nullopt;
  const auto local = socket.local_endpoint(error);
  if (error) return std::nullopt;
  auto ip = as_tcp(remote).address();
  if (ip.is_v6() && ip.to_v6().is_v4_mapped())
    ip = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
  return Peer{ip.to_string(), as_tcp(local).port()};
}

}  // namespace

std::variant<std::shared_ptr<const ListenerRules>, std::string> make_rules(
    const settings::Listener& listener, const std::shared_ptr<tls::TicketKeys>& tickets) {
  auto rules = std::make_shared<ListenerRules>();
  rules->listener = settings::to_string(listener.address);
  rules->redirects_to_https = listener.redirects_to_https;
  rules->http2 = listener.uses_http2();
  if (listener.uses_proxy_protocol())
    rules->proxy_from =
        listener.proxy_from.empty() ? settings::default_trusted_proxies() : listener.proxy_from;
  if (const auto& tls = listener.tls; tls.is_on()) {
    tls::ServerOptions options;
    for (const auto& files : tls.all())
      options.certificates.push_back({files.certificate, files.key, files.ocsp});
    options.client_ca = tls.client_ca;
    options.requires_client = tls.requires_client;
    options.allows_tls_1_2 = tls.allows_tls_1_2;
    options.ktls = tls.ktls;
    options.http2 = listener.uses_http2();
    auto context = tls::ServerContext::make(options, tickets);
    if (auto* error = std::get_if<std::string>(&context))
      return "cannot listen on " + settings::to_string(listener.address) + ": " + *error;
    rules->tls = std::move(std::get<0>(context));
    rules->client_field = tls.client_field;
    if (listener.hsts > Millis{0}) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(listener.hsts).count();
      rules->hsts = "Strict-Transport-Security: max-age=" + std::to_string(seconds) + "\r\n";
    }
  }
  return std::shared_ptr<const ListenerRules>(std::move(rules));
}

std::string name_under(const ListenerRules& rules, const std::string& name) {
  const auto colon = name.find("://");
  return colon == std::string::npos ? name : (rules.tls ? "https" : "http") + name.substr(colon);
}

Result bind(const settings::ListenAddress& address, bool share) {
  if (const auto* local = std::get_if<settings::UnixAddress>(&address)) return bind_unix(*local);
  if (const auto* inherited = std::get_if<settings::InheritedSocket>(&address)) return inherit(*inherited);
  return bind_tcp(std::get<settings::TcpAddress>(address), share);
}

Task<void> accept_loop(Loop& loop, Acceptor& acceptor, std::function<void(Socket, Peer)> begin,
                       std::function<bool(const Error&)> failed, std::function<bool()> may_accept) {
  Error error;
  const int family = acceptor.local_endpoint(error).protocol().family();
  Timer pause(loop.executor());
  while (acceptor.is_open()) {
    if (!may_accept()) {
      const bool has_room =
          failed(boost::system::errc::make_error_code(boost::system::errc::too_many_files_open));
      pause.expires_after(has_room ? Millis{0} : accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    auto [failure, socket] = co_await acceptor.async_accept(as_result);
    if (failure) {
      if (failure == asio::error::operation_aborted || !acceptor.is_open()) break;
      const bool has_room = failed(failure);
      pause.expires_after(has_room ? Millis{0} : accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    // An accepted connection is served even if the acceptor has been closed meanwhile.
    socket.non_blocking(true, error);
    if (error) continue;
    const int on = 1;
    if (family != AF_UNIX) ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (auto peer = peer_of(socket, family)) begin(std::move(socket), std::move(*peer));
  }
}

}  // namespace larder::server
