#include "upstream/resolver.hpp"

#include "net/spawn.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <utility>

namespace larder::upstream {

// A lookup and the callers that wait for it.
struct Resolver::LookUpState {
  bool ended = false;
  Found found;
  std::vector<Event*> waiting;

  void end(Found result) {
    found = std::move(result);
    ended = true;
    for (auto* event : waiting) event->raise();
  }
};

// Registers a waiting caller for its lifetime, as its coroutine may end with an exception.
struct Resolver::Waiting {
  Waiting(Loop& loop, LookUpState& its_state) : event(loop), state(its_state) {
    state.waiting.push_back(&event);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { std::erase(state.waiting, &event); }

  Event event;
  LookUpState& state;
};

Resolver::Resolver(Loop& loop, LookUp look_up) : loop_(loop), look_up_(std::move(look_up)) {}
Resolver::~Resolver() = default;

Task<Resolver::Found> Resolver::ask_the_system(Loop& loop, std::string host, std::uint16_t port) {
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop.executor());
  auto [error, results] = co_await resolver.async_resolve(host, std::to_string(port), as_result);
  Found found;
  if (error) found.error = error.message();
  for (const auto& result : results) found.endpoints.push_back(result.endpoint());
  co_return found;
}

Task<void> Resolver::ask(Loop& loop, LookUp look_up, std::shared_ptr<LookUpState> state,
                         settings::TcpAddress address) {
  state->end(co_await look_up(loop, std::move(address.host), address.port));
}

Task<std::variant<Resolver::Endpoints, Failure>> Resolver::resolve(const settings::Upstream& upstream,
                                                                   Millis timeout) {
  using Result = std::variant<Endpoints, Failure>;
  if (const auto* local = std::get_if<settings::UnixAddress>(&upstream.address)) {
    auto path = local->path;
    if (path.starts_with('@')) path[0] = '\0';
    co_return Result{Endpoints{asio::local::stream_protocol::endpoint(path)}};
  }
  const auto& address = std::get<settings::TcpAddress>(upstream.address);
  Error not_literal;
  const auto literal = asio::ip::make_address(address.host, not_literal);
  if (!not_literal) co_return Result{Endpoints{asio::ip::tcp::endpoint(literal, address.port)}};

  if (current_ && current_->ended) take(*std::exchange(current_, nullptr));
  if (!known_.empty() && loop_.now().mono - known_at_ < upstream.resolve_interval) co_return Result{known_};

  if (!current_) begin(address);
  const auto state = current_;
  if (!state->ended) {
    Waiting waiting(loop_, *state);
    (void)co_await waiting.event.wait_for(timeout);
  }
  if (state->ended && state == current_) {
    take(*state);
    current_.reset();
  }
  if (state->ended && state->found.error.empty()) co_return Result{state->found.endpoints};
  if (!known_.empty()) co_return Result{known_};
  if (!state->ended) co_return Result{Failure{FailureKind::resolve_timeout, {}, {}, address.host}};
  co_return Result{Failure{FailureKind::resolve_failed, {}, state->found.error, address.host}};
}

void Resolver::begin(const settings::TcpAddress& address) {
  auto begun = std::make_shared<LookUpState>();
  spawn(loop_, "name look-up", ask(loop_, look_up_, begun, address), [begun] {
    if (!begun->ended) begun->end({{}, "the look-up failed"});
  });
  current_ = std::move(begun);
}

void Resolver::keep_current(const settings::Upstream& upstream) {
  if (known_.empty()) return;  // a literal address, a path, or nothing that could have changed
  if (current_ && current_->ended) take(*std::exchange(current_, nullptr));
  if (!current_ && loop_.now().mono - known_at_ >= upstream.resolve_interval)
    begin(std::get<settings::TcpAddress>(upstream.address));
}

bool Resolver::has(const StreamProtocol::endpoint& endpoint) const noexcept {
  return known_.empty() || std::find(known_.begin(), known_.end(), endpoint) != known_.end();
}

// A failed lookup does not change the known addresses; the next one is due an interval later.
void Resolver::take(const LookUpState& state) {
  known_at_ = loop_.now().mono;
  if (!state.found.error.empty()) return;
  const auto& found = state.found.endpoints;
  if (!std::is_permutation(known_.begin(), known_.end(), found.begin(), found.end())) ++version_;
  known_ = found;
}

void Resolver::distrust() noexcept {
  known_.clear();
}

void Resolver::forget() noexcept {
  known_.clear();
  current_.reset();
}

}  // namespace larder::upstream
