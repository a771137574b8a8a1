#include "upstream/connector.hpp"

#include "net/tls_layer.hpp"

#include <algorithm>
#include <array>
#include <netdb.h>

namespace larder::upstream {

namespace {

// As it is written in a configuration.
std::string text_of(const StreamProtocol::endpoint& endpoint, const settings::Upstream& upstream) {
  if (const auto* local = std::get_if<settings::UnixAddress>(&upstream.address))
    return settings::to_string(*local);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(endpoint.data(), static_cast<socklen_t>(endpoint.size()), host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  const bool six = endpoint.protocol().family() == AF_INET6;
  return std::string(six ? "[" : "") + host.data() + (six ? "]:" : ":") + port.data();
}

}  // namespace

Task<std::optional<Failure>> SystemConnector::connect(Transport& transport, Deadline& deadline,
                                                      const settings::Upstream& upstream, Millis timeout) {
  const auto began = loop_.now().mono;
  auto resolved = co_await resolver_.resolve(upstream, timeout);
  if (auto* failure = std::get_if<Failure>(&resolved)) co_return std::move(*failure);

  Error error = asio::error::host_not_found;
  std::string peer;
  deadline.set(std::max(timeout - (loop_.now().mono - began), Millis{1}));
  for (const auto& endpoint : std::get<Resolver::Endpoints>(resolved)) {
    error = co_await transport.connect(endpoint);
    if (error || tls_) peer = text_of(endpoint, upstream);
    if (!error) break;
    if (deadline.expired()) co_return Failure{FailureKind::connect_timeout, {}, {}, peer};
    if (error == asio::error::operation_aborted) break;
  }
  if (error) {
    resolver_.distrust();  // the name may resolve to another address by now
    co_return Failure{FailureKind::connect_failed, {}, error.message(), peer};
  }
  if (tls_) {
    auto failure = co_await shake_hands(transport, deadline, peer);
    if (failure) co_return failure;
  }
  deadline.clear();
  co_return std::nullopt;
}

Task<std::optional<Failure>> SystemConnector::shake_hands(Transport& transport, const Deadline& deadline,
                                                          std::string peer) {
  auto ssl = tls_->new_connection();
  if (!ssl) throw std::bad_alloc();
  auto made = std::make_unique<tls::Layer>(loop_, transport.descriptor(), tls_, std::move(ssl));
  auto& layer = *made;
  transport.set_layer(std::move(made));
  for (;;) {
    const auto io = layer.handshake();
    if (io.state == Io::State::some) co_return std::nullopt;
    if (!io.must_wait()) co_return Failure{FailureKind::tls_failed, {}, layer.failure(), peer};
    const auto error = co_await transport.wait(io);
    if (!error) continue;
    if (deadline.expired()) co_return Failure{FailureKind::connect_timeout, {}, {}, peer};
    co_return Failure{FailureKind::tls_failed, {}, error.message(), peer};
  }
}

bool SystemConnector::is_current(Transport& transport, const settings::Upstream& upstream,
                                 std::uint32_t& version) {
  resolver_.keep_current(upstream);
  if (version == resolver_.version()) return true;
  const auto peer = transport.peer();
  if (!peer || !resolver_.has(*peer)) return false;
  version = resolver_.version();
  return true;
}

}  // namespace larder::upstream
