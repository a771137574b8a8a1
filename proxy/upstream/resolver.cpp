#include "upstream/resolver.hpp"

#include "net/spawn.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <utility>

namespace larder::upstream {

// A look-up and those who wait for it.
struct Resolver::Asking {
  bool ended = false;
  Found found;
  std::vector<Event*> waiting;

  void end(Found result) {
    found = std::move(result);
    ended = true;
    for (auto* event : waiting) event->raise();
  }
};

// One that waits, for as long as it does: its coroutine may end by an exception.
struct Resolver::Waiting {
  Waiting(Loop& loop, Asking& its_asking) : event(loop), asking(its_asking) {
    asking.waiting.push_back(&event);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { std::erase(asking.waiting, &event); }

  Event event;
  Asking& asking;
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

Task<void> Resolver::ask(Loop& loop, LookUp look_up, std::shared_ptr<Asking> asking,
                         settings::TcpAddress address) {
  asking->end(co_await look_up(loop, std::move(address.host), address.port));
}

Task<std::variant<Resolver::Endpoints, Failure>> Resolver::resolve(const settings::Upstream& upstream,
                                                                   Millis patience) {
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

  if (asking_ && asking_->ended) take(*std::exchange(asking_, nullptr));
  if (!known_.empty() && Loop::now().mono - known_at_ < upstream.resolve_interval) co_return Result{known_};

  if (!asking_) {
    auto begun = std::make_shared<Asking>();
    spawn(loop_, "name look-up", ask(loop_, look_up_, begun, address), [begun] {
      if (!begun->ended) begun->end({{}, "the look-up failed"});
    });
    asking_ = std::move(begun);
  }
  const auto asking = asking_;
  if (!asking->ended) {
    Waiting waiting(loop_, *asking);
    (void)co_await waiting.event.wait_for(patience);
  }
  if (asking->ended && asking == asking_) {
    take(*asking);
    asking_.reset();
  }
  if (asking->ended && asking->found.error.empty()) co_return Result{asking->found.endpoints};
  if (!known_.empty()) co_return Result{known_};
  if (!asking->ended) co_return Result{Failure{FailureKind::resolve_timeout, {}, {}}};
  co_return Result{Failure{FailureKind::resolve_failed, {}, asking->found.error}};
}

// A look-up that failed leaves what is known.
void Resolver::take(const Asking& asking) {
  if (!asking.found.error.empty()) return;
  known_ = asking.found.endpoints;
  known_at_ = Loop::now().mono;
}

void Resolver::distrust() noexcept {
  known_.clear();
}

void Resolver::forget() noexcept {
  known_.clear();
  asking_.reset();
}

}  // namespace larder::upstream
