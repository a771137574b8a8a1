#include "upstream/connector.hpp"

#include <algorithm>

namespace larder::upstream {

Task<std::optional<Failure>> SystemConnector::connect(Transport& transport, Deadline& deadline,
                                                      const settings::Upstream& upstream, Millis timeout) {
  const auto began = loop_.now().mono;
  auto resolved = co_await resolver_.resolve(upstream, timeout);
  if (auto* failure = std::get_if<Failure>(&resolved)) co_return std::move(*failure);

  Error error = asio::error::host_not_found;
  deadline.set(std::max(timeout - (loop_.now().mono - began), Millis{1}));
  for (const auto& endpoint : std::get<Resolver::Endpoints>(resolved)) {
    error = co_await transport.connect(endpoint);
    if (!error) break;
    if (deadline.expired()) co_return Failure{FailureKind::connect_timeout, {}, {}};
    if (error == asio::error::operation_aborted) break;
  }
  if (error) {
    resolver_.distrust();  // the name may resolve to another address by now
    co_return Failure{FailureKind::connect_failed, {}, error.message()};
  }
  deadline.clear();
  co_return std::nullopt;
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
