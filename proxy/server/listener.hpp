// Listening sockets, and the task that accepts connections from one.
#pragma once

#include "net/loop.hpp"
#include "net/tls_context.hpp"
#include "settings/settings.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

namespace larder::server {

using Acceptor = asio::basic_socket_acceptor<StreamProtocol, Executor>;

/// What applies to the connections of one listener, besides the settings. Immutable: a reload makes new ones,
/// and connections keep theirs.
struct ListenerRules {
  std::string listener;                           // its address, as in the settings
  std::shared_ptr<const tls::ServerContext> tls;  // nullptr = without TLS
  std::string client_field;                       // in lower case; empty = none
  std::string hsts;  // the line Strict-Transport-Security with its CRLF; empty = none
  bool redirects_to_https = false;
  bool http2 = false;  // with TLS by ALPN, without by prior knowledge
  /// Peers whose connections begin with a header of the PROXY protocol; others are refused. Empty = off.
  std::vector<settings::Network> proxy_from;
};
/// Reads the files of certificates. On failure, returns a message that names the file.
[[nodiscard]] std::variant<std::shared_ptr<const ListenerRules>, std::string> make_rules(
    const settings::Listener& listener, const std::shared_ptr<tls::TicketKeys>& tickets);

/// A listening descriptor with its name. Owned by this object until it is given to an Acceptor.
struct Bound {
  int descriptor = -1;
  int family = 0;
  std::string name;       // `http://127.0.0.1:8080`, `https://127.0.0.1:8443`, `unix:/path`
  std::string unix_path;  // of the socket file to be unlinked at the end; empty = none
};

/// The name of a listener with the scheme that its rules make it: `https://` with TLS.
[[nodiscard]] std::string name_under(const ListenerRules& rules, const std::string& name);

/// Binds and listens. `share` sets SO_REUSEPORT, so that each loop can have a socket of its own (TCP). On
/// failure, returns a message that names the address.
[[nodiscard]] std::variant<Bound, std::string> bind(const settings::ListenAddress& address, bool share);

/// The peer of a connection, and the listener's port.
struct Peer {
  std::string address;           // numeric; empty for a Unix socket
  std::uint16_t local_port = 0;  // the listener's; 0 for a Unix socket
};

/// Accepts until the acceptor is closed. If descriptors or memory run out, or while `may_accept` says no, it
/// calls `failed`, which returns whether it has ended another connection, and tries again: at once if so,
/// otherwise after a pause. Clients wait in the kernel's queue meanwhile.
[[nodiscard]] Task<void> accept_loop(Loop& loop, Acceptor& acceptor, std::function<void(Socket, Peer)> begin,
                                     std::function<bool(const Error&)> failed,
                                     std::function<bool()> may_accept);

}  // namespace larder::server
