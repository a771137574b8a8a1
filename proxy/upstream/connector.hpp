// Connects to the API. A seam: the pool's tests connect to scripts instead.
#pragma once

#include "net/tls_context.hpp"
#include "net/transport.hpp"
#include "settings/settings.hpp"
#include "upstream/failure.hpp"
#include "upstream/resolver.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace larder::upstream {

class Connector {
 public:
  Connector() = default;
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  virtual ~Connector() = default;

  /// Connects `transport` to the API within `timeout`. `deadline` cancels the transport's waits when it
  /// passes. Only called on the loop; both outlive the task.
  [[nodiscard]] virtual Task<std::optional<Failure>> connect(Transport& transport, Deadline& deadline,
                                                             const settings::Upstream& upstream,
                                                             Millis timeout) = 0;
  /// Whether the API still has the address that the transport is connected to, as far as is known. Compared
  /// only if addresses have changed since `version`, which is updated.
  [[nodiscard]] virtual bool is_current(Transport&, const settings::Upstream&, std::uint32_t& /*version*/) {
    return true;
  }
  /// The address in the settings has changed.
  virtual void forget() noexcept {}
  /// TLS for connections from now on; nullptr = none.
  virtual void set_tls(const std::shared_ptr<const tls::ClientContext>& /*context*/) noexcept {}
};

/// Resolves the name and tries each of its addresses.
class SystemConnector final : public Connector {
 public:
  explicit SystemConnector(Loop& loop) : loop_(loop), resolver_(loop) {}
  [[nodiscard]] Task<std::optional<Failure>> connect(Transport& transport, Deadline& deadline,
                                                     const settings::Upstream& upstream,
                                                     Millis timeout) override;
  [[nodiscard]] bool is_current(Transport& transport, const settings::Upstream& upstream,
                                std::uint32_t& version) override;
  void forget() noexcept override { resolver_.forget(); }
  void set_tls(const std::shared_ptr<const tls::ClientContext>& context) noexcept override { tls_ = context; }

 private:
  /// Without a failure if the handshake is complete.
  [[nodiscard]] Task<std::optional<Failure>> shake_hands(Transport& transport, const Deadline& deadline,
                                                         std::string peer);

  std::shared_ptr<const tls::ClientContext> tls_;
  Loop& loop_;
  Resolver resolver_;
};

}  // namespace larder::upstream
