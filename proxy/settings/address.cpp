#include "settings/address.hpp"

#include "http/fields.hpp"
#include "settings/scalar.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>

namespace larder::settings {

namespace {

constexpr std::size_t max_unix_path = 107;  // sun_path less its NUL

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

using Bytes = std::array<unsigned char, 16>;

// The address as IPv6, with an IPv4 address mapped; nullopt for a name.
std::optional<Bytes> numeric(const std::string& host) {
  Bytes bytes{};
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xFF;
  if (::inet_pton(AF_INET, host.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_mapped(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) &&
         bytes[10] == 0xFF && bytes[11] == 0xFF;
}

bool is_loopback(const std::string& host) {
  if (http::iequals(host, "localhost")) return true;
  const auto bytes = numeric(host);
  if (!bytes) return false;
  if (is_mapped(*bytes)) return (*bytes)[12] == 127;
  return std::all_of(bytes->begin(), bytes->end() - 1, [](auto byte) { return byte == 0; }) &&
         bytes->back() == 1;
}

bool is_every_address(const std::string& host) {
  if (host.empty()) return true;
  const auto bytes = numeric(host);
  return bytes && std::all_of(bytes->begin() + (is_mapped(*bytes) ? 12 : 0), bytes->end(),
                              [](auto byte) { return byte == 0; });
}

bool same_host(const std::string& a, const std::string& b) {
  if (http::iequals(a, b)) return true;
  const auto a_bytes = numeric(a);
  const auto b_bytes = numeric(b);
  if (a_bytes && b_bytes) return *a_bytes == *b_bytes;
  // localhost resolves to 127.0.0.1, ::1 or both.
  const auto is_name_of = [](const std::string& name, const std::string& host) {
    return http::iequals(name, "localhost") && (host == "127.0.0.1" || host == "::1");
  };
  return is_name_of(a, b) || is_name_of(b, a);
}

bool is_host(std::string_view host) {
  const std::string text(host);
  if (host.find_first_not_of("0123456789.") == std::string_view::npos)
    return host.empty() || numeric(text).has_value();
  return host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
           const char l = http::lower(c);
           return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

struct Split {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Splits host and port. An IPv6 address must be in brackets: `[::1]:80`.
std::optional<Split> split_host_port(std::string_view text, std::string& error) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    const auto rest = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (end == std::string_view::npos || (!rest.empty() && rest.front() != ':')) {
      error = in_quotes(text) + " is not an address; write [::1]:8080";
      return std::nullopt;
    }
    const auto host = text.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos || !numeric(std::string(host))) {
      error = in_quotes(host) +
              " is not an IPv6 address; only IPv6 addresses are written in brackets: [::1]:8080";
      return std::nullopt;
    }
    if (rest.empty()) return Split{host, std::nullopt};
    return Split{host, rest.substr(1)};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Split{text, std::nullopt};
  if (text.find(':') == colon) return Split{text.substr(0, colon), text.substr(colon + 1)};
  const bool last_is_port =
      colon > 0 && text[colon - 1] != ':' && numeric(std::string(text.substr(0, colon)));
  error =
      in_quotes(text) + " has an IPv6 address without brackets; write " +
      (last_is_port ? "[" + std::string(text.substr(0, colon)) + "]:" + std::string(text.substr(colon + 1))
                    : std::string("[::1]:8080"));
  return std::nullopt;
}

std::optional<TcpAddress> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port,
                                          std::string& error) {
  const auto split = split_host_port(text, error);
  if (!split) return std::nullopt;
  if (!split->port && !default_port && text.find_first_not_of("0123456789") == std::string_view::npos) {
    error = in_quotes(text) + " has no host; write 127.0.0.1:" + std::string(text.empty() ? "8080" : text);
    return std::nullopt;
  }
  const bool bracketed = text.starts_with('[');
  if (split->host == "*") {
    error = in_quotes(text) +
            " has no host; for every address, write :" + std::string(split->port.value_or("8080"));
    return std::nullopt;
  }
  if (!bracketed && !is_host(split->host)) {
    error = in_quotes(split->host) +
            " is neither a host name nor an address; write for example localhost, 127.0.0.1 or [::1]";
    return std::nullopt;
  }
  if (!split->port && !default_port) {
    error = in_quotes(text) + " has no port; write host:port, [::1]:port, unix:/path or fd:NAME";
    return std::nullopt;
  }
  TcpAddress address{std::string(split->host), default_port.value_or(0)};
  if (!split->port) return address;
  std::string ignored;
  const auto number = parse_number(*split->port, ignored);
  if (!number || *number > 65535) {
    error = in_quotes(*split->port) + " is not a port; write a number from 0 to 65535";
    return std::nullopt;
  }
  address.port = static_cast<std::uint16_t>(*number);
  return address;
}

std::optional<UnixAddress> parse_unix(std::string_view path, std::string& error) {
  const bool absolute = path.size() > 1 && (path.front() == '/' || path.front() == '@');
  if (!absolute || std::any_of(path.begin(), path.end(), is_control)) {
    error =
        in_quotes(path) + " is not the absolute path of a Unix socket; write unix:/run/larder/larder.sock";
    return std::nullopt;
  }
  if (path.size() > max_unix_path) {
    error = "the path of a Unix socket is limited to 107 bytes; shorten this one, which has " +
            std::to_string(path.size());
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
    const auto name = text.substr(3);
    // sd_listen_fds_with_names(3): no control characters, no ':', at most 255.
    if (!name.empty() && name.size() <= 255 && name.find(':') == std::string_view::npos &&
        std::none_of(name.begin(), name.end(), is_control)) {
      return InheritedSocket{std::string(name)};
    }
    error =
        in_quotes(text) + " does not name a socket; write fd: and its FileDescriptorName=, such as fd:larder";
    return std::nullopt;
  }
  if (text.find("://") != std::string_view::npos) {
    error = in_quotes(text) + " is a URL; write host:port, [::1]:port, unix:/path or fd:NAME";
    return std::nullopt;
  }
  if (text.find('/') != std::string_view::npos) {
    error = in_quotes(text) + " is not an address; write host:port, [::1]:port, unix:/path or fd:NAME";
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
  const auto refuse = [&](std::string why) {
    error = std::move(why);
    return std::nullopt;
  };
  Upstream upstream;
  upstream.url = text;
  if (text.starts_with("unix:")) {
    const auto local = parse_unix(text.substr(5), error);
    if (!local) return std::nullopt;
    upstream.address = *local;
    upstream.authority = "localhost";
    return upstream;
  }
  const auto url = boost::urls::parse_uri(text);
  if (!url) {
    // What is wrong is mostly the host or the port, of which there is a better message.
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (text.starts_with(scheme) && text.find_first_of("/?#@", scheme.size()) == std::string_view::npos &&
          !parse_host_port(text.substr(scheme.size()), std::uint16_t{80}, error))
        return std::nullopt;
    }
  }
  upstream.uses_tls = url && url->scheme_id() == boost::urls::scheme::https;
  if (!url || (!upstream.uses_tls && url->scheme_id() != boost::urls::scheme::http) || !url->has_authority())
    return refuse((text.find('@') == std::string_view::npos ? in_quotes(text) : "this") +
                  " is not an upstream; write http://host:port, https://host:port or unix:/path");
  const bool has_path = url->encoded_path() != "" && url->encoded_path() != "/";
  if (has_path || url->has_userinfo() || url->has_query() || url->has_fragment())
    // The text is not shown, as it may contain a password.
    return refuse("write a host and a port without path, query or user name, such as http://127.0.0.1:8000");
  const std::string_view host_and_port = url->encoded_host_and_port();
  const auto tcp =
      parse_host_port(host_and_port, upstream.uses_tls ? std::uint16_t{443} : std::uint16_t{80}, error);
  if (!tcp) return std::nullopt;
  if (tcp->host.empty() || tcp->port == 0)
    return refuse(in_quotes(text) +
                  " needs a host, and a port from 1 to 65535; write for example http://127.0.0.1:8000");
  upstream.address = *tcp;
  upstream.authority = host_and_port;
  return upstream;
}

bool same_address(const ListenAddress& a, const ListenAddress& b) {
  const auto* a_tcp = std::get_if<TcpAddress>(&a);
  const auto* b_tcp = std::get_if<TcpAddress>(&b);
  if (a_tcp == nullptr || b_tcp == nullptr) return to_string(a) == to_string(b);
  return a_tcp->port != 0 && a_tcp->port == b_tcp->port && same_host(a_tcp->host, b_tcp->host);
}

bool reaches(const std::variant<TcpAddress, UnixAddress>& upstream, const ListenAddress& listener) {
  const auto target = std::visit([](const auto& address) { return ListenAddress(address); }, upstream);
  if (same_address(target, listener)) return true;
  const auto* from = std::get_if<TcpAddress>(&target);
  const auto* to = std::get_if<TcpAddress>(&listener);
  if (from == nullptr || to == nullptr || to->port == 0 || from->port != to->port) return false;
  return is_every_address(to->host) && (is_loopback(from->host) || is_every_address(from->host));
}

bool is_local(const ListenAddress& address) {
  const auto* tcp = std::get_if<TcpAddress>(&address);
  return tcp == nullptr ? std::holds_alternative<UnixAddress>(address) : is_loopback(tcp->host);
}

}  // namespace larder::settings
