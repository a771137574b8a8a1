// Resolves the API's address when it is needed, and again after an interval.
//
// Only one lookup is under way at a time; all callers wait for it, each for its own timeout. A lookup cannot
// be cancelled: without waiting callers it continues, and its result is used by the next caller. Belongs to
// one loop.
#pragma once

#include "net/loop.hpp"
#include "settings/settings.hpp"
#include "upstream/failure.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace larder::upstream {

class Resolver {
 public:
  using Endpoints = std::vector<StreamProtocol::endpoint>;
  struct Found {
    Endpoints endpoints;  // in the order in which they should be tried
    std::string error;    // the system's message if there are none
  };
  using LookUp = std::function<Task<Found>(Loop& loop, std::string host, std::uint16_t port)>;

  /// `look_up` performs a lookup; by default getaddrinfo on a thread of Asio.
  explicit Resolver(Loop& loop, LookUp look_up = ask_the_system);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Returns the addresses of the API. A name is resolved again after its resolve_interval. If that fails or
  /// takes longer than `timeout`, the previous addresses are returned or, without any, resolve_failed or
  /// resolve_timeout.
  [[nodiscard]] Task<std::variant<Endpoints, Failure>> resolve(const settings::Upstream& upstream,
                                                               Millis timeout);
  /// Starts a lookup if the last one is older than resolve_interval, without waiting for it, and takes the
  /// result of one that has ended.
  void keep_current(const settings::Upstream& upstream);
  /// The number of changes of the known addresses.
  [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
  /// Whether the name still has that address, as far as is known.
  [[nodiscard]] bool has(const StreamProtocol::endpoint& endpoint) const noexcept;
  /// No known address could be connected to: the next caller waits for a lookup, which may be the one under
  /// way.
  void distrust() noexcept;
  /// The upstream has changed: discards the known addresses, and the result of a lookup under way.
  void forget() noexcept;

 private:
  struct LookUpState;
  struct Waiting;
  [[nodiscard]] static Task<Found> ask_the_system(Loop& loop, std::string host, std::uint16_t port);
  [[nodiscard]] static Task<void> ask(Loop& loop, LookUp look_up, std::shared_ptr<LookUpState> state,
                                      settings::TcpAddress address);
  void take(const LookUpState& state);
  void begin(const settings::TcpAddress& address);

  Loop& loop_;
  LookUp look_up_;
  std::shared_ptr<LookUpState> current_;  // nullptr if none is under way and the last result has been taken
  Endpoints known_;
  policy::MonoTime known_at_{};
  std::uint32_t version_ = 0;
};

}  // namespace larder::upstream
