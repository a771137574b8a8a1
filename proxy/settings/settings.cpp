#include "settings/settings.hpp"

#include "settings/scalar.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

std::optional<TcpAddress> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port,
                                          std::string& error) {
  const auto whole = "'" + std::string(text) + "'";
  TcpAddress address;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) {
      error = whole + " has no closing bracket; write [::1]:8080";
      return std::nullopt;
    }
    address.host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') {
      error = whole + " has something other than a port behind the bracket; write [::1]:8080";
      return std::nullopt;
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos && text.find(':') != colon) {
      error = whole + " looks like an IPv6 address without brackets; write [" + std::string(text) + "]:8080";
      return std::nullopt;
    }
    has_port = colon != std::string_view::npos;
    address.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
  }
  if (!has_port) {
    if (!default_port) {
      error = whole + " has no port; write " + std::string(text) + ":8080";
      return std::nullopt;
    }
    address.port = *default_port;
    return address;
  }
  std::string ignored;
  const auto number = parse_number(port, ignored);
  if (!number || *number > 65535) {
    error = "'" + std::string(port) + "' is not a port; it is a number from 0 to 65535";
    return std::nullopt;
  }
  address.port = static_cast<std::uint16_t>(*number);
  return address;
}

constexpr std::size_t longest_unix_path = 107;  // sun_path

std::optional<UnixAddress> parse_unix(std::string_view path, std::string& error) {
  if (path.empty() || (path.front() != '/' && path.front() != '@')) {
    error = "a Unix socket's path is absolute: unix:/run/larder/larder.sock";
    return std::nullopt;
  }
  if (path.size() > longest_unix_path) {
    error = "a Unix socket's path has at most 107 bytes, this one has " + std::to_string(path.size());
    return std::nullopt;
  }
  return UnixAddress{std::string(path)};
}

}  // namespace

std::optional<ListenAddress> parse_listen(std::string_view text, std::string& error) {
  if (text.starts_with("unix:")) {
    if (auto local = parse_unix(text.substr(5), error)) return *local;
    return std::nullopt;
  }
  if (text.starts_with("fd:")) {
    if (text.size() > 3) return InheritedSocket{std::string(text.substr(3))};
    error = "fd: wants the name of a socket (FileDescriptorName=), such as fd:larder";
    return std::nullopt;
  }
  if (text.find("//") != std::string_view::npos) {
    error = "'" + std::string(text) + "' is a URL; write host:port, [::1]:port, unix:/path or fd:NAME";
    return std::nullopt;
  }
  if (auto tcp = parse_host_port(text, std::nullopt, error)) return *tcp;
  return std::nullopt;
}

std::string to_string(const ListenAddress& address) {
  if (const auto* local = std::get_if<UnixAddress>(&address)) return "unix:" + local->path;
  if (const auto* inherited = std::get_if<InheritedSocket>(&address)) return "fd:" + inherited->name;
  const auto& tcp = std::get<TcpAddress>(address);
  const bool six = tcp.host.find(':') != std::string::npos;
  return (six ? "[" + tcp.host + "]" : tcp.host) + ":" + std::to_string(tcp.port);
}

std::optional<Upstream> parse_upstream(std::string_view text, std::string& error) {
  Upstream upstream;
  upstream.url = text;
  if (text.starts_with("unix:")) {
    const auto local = parse_unix(text.substr(5), error);
    if (!local) return std::nullopt;
    upstream.address = *local;
    upstream.authority = "localhost";
    return upstream;
  }
  if (text.starts_with("https://")) {
    error = "larder speaks plain HTTP to an API beside it; write http://host:port or unix:/path";
    return std::nullopt;
  }
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme)) {
    error = "'" + std::string(text) + "' is not an upstream; write http://host:port or unix:/path";
    return std::nullopt;
  }
  auto rest = text.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos) {
    error =
        "an upstream's URL is a host and a port alone, without path, query or user: http://127.0.0.1:8000";
    return std::nullopt;
  }
  const auto tcp = parse_host_port(rest, std::uint16_t{80}, error);
  if (!tcp) return std::nullopt;
  if (tcp->host.empty() || tcp->port == 0) {
    error = "an upstream wants a host and a port from 1 to 65535: http://127.0.0.1:8000";
    return std::nullopt;
  }
  upstream.address = *tcp;
  upstream.authority = rest;
  return upstream;
}

const Route* Settings::route_for(std::string_view normalised_path) const noexcept {
  const auto at = std::find_if(routes.begin(), routes.end(),
                               [&](const Route& route) { return route.path.matches(normalised_path); });
  return at == routes.end() ? nullptr : &*at;
}

}  // namespace larder::settings
