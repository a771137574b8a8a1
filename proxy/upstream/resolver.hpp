// The API's addresses: looked up when they are wanted, and again after a while.
//
// One look-up is under way at a time, and all who want addresses wait for that one, each for as long as it
// may. A look-up cannot be cancelled: one that nobody waits for any more ends by itself, and what it found is
// there for the next. Threading: of one loop.
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
    Endpoints endpoints;  // in the order in which they are to be tried
    std::string error;    // the system's words where there is none
  };
  using LookUp = std::function<Task<Found>(Loop& loop, std::string host, std::uint16_t port)>;

  /// `look_up` asks the system; by default getaddrinfo, on a thread of Asio's.
  explicit Resolver(Loop& loop, LookUp look_up = ask_the_system);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The addresses of the upstream. A name is looked up again after its resolve_interval; where that fails or
  /// takes longer than `patience`, the addresses known from before are returned, or, where there are none,
  /// resolve_failed or resolve_timeout.
  [[nodiscard]] Task<std::variant<Endpoints, Failure>> resolve(const settings::Upstream& upstream,
                                                               Millis timeout);
  /// None of the known addresses could be connected to: the next caller waits for a look-up, which may be the
  /// one under way.
  void distrust() noexcept;
  /// The upstream is another one: what is known, and what a look-up under way will find, is dropped.
  void forget() noexcept;

 private:
  struct LookUpState;
  struct Waiting;
  [[nodiscard]] static Task<Found> ask_the_system(Loop& loop, std::string host, std::uint16_t port);
  [[nodiscard]] static Task<void> ask(Loop& loop, LookUp look_up, std::shared_ptr<LookUpState> state,
                                      settings::TcpAddress address);
  void take(const LookUpState& state);

  Loop& loop_;
  LookUp look_up_;
  std::shared_ptr<LookUpState> current_;  // nullptr: none is under way, and what the last one found is taken
  Endpoints known_;
  policy::MonoTime known_at_{};
};

}  // namespace larder::upstream
