#include "upstream/failure.hpp"

namespace larder::upstream {

int Failure::status() const noexcept {
  switch (kind) {
    case FailureKind::resolve_timeout:
    case FailureKind::connect_timeout:
    case FailureKind::first_byte_timeout:
    case FailureKind::idle_timeout:
    case FailureKind::total_timeout:
      return 504;
    case FailureKind::queue_full:
    case FailureKind::queue_timeout:
    case FailureKind::breaker_open:
    case FailureKind::shutting_down:
      return 503;
    default:
      return 502;
  }
}

std::string_view Failure::name() const noexcept {
  switch (kind) {
    case FailureKind::resolve_failed:
      return "resolve_failed";
    case FailureKind::resolve_timeout:
      return "resolve_timeout";
    case FailureKind::connect_failed:
      return "connect_failed";
    case FailureKind::connect_timeout:
      return "connect_timeout";
    case FailureKind::tls_failed:
      return "tls_failed";
    case FailureKind::queue_full:
      return "queue_full";
    case FailureKind::queue_timeout:
      return "queue_timeout";
    case FailureKind::breaker_open:
      return "breaker_open";
    case FailureKind::closed_early:
      return "closed_early";
    case FailureKind::write_failed:
      return "write_failed";
    case FailureKind::first_byte_timeout:
      return "first_byte_timeout";
    case FailureKind::idle_timeout:
      return "idle_timeout";
    case FailureKind::total_timeout:
      return "total_timeout";
    case FailureKind::closed_in_body:
      return "closed_in_body";
    case FailureKind::bad_answer:
      return "bad_answer";
    case FailureKind::shutting_down:
      return "shutting_down";
  }
  return "";
}

// `whom` is empty, or a space and the peer.
std::string Failure::sentence_about(const std::string& whom) const {
  const auto with_reason = [this](std::string text) {
    if (!reason.empty()) text += ": " + reason;
    return text;
  };
  switch (kind) {
    case FailureKind::resolve_failed:
      return with_reason("cannot resolve the upstream's host name" + whom);
    case FailureKind::resolve_timeout:
      return "resolving the upstream's host name" + whom + " took longer than connect_timeout";
    case FailureKind::connect_failed:
      return with_reason("cannot connect to upstream" + whom);
    case FailureKind::connect_timeout:
      return "upstream" + whom + " did not accept a connection within connect_timeout";
    case FailureKind::tls_failed:
      return with_reason("cannot connect to upstream" + whom + " with TLS");
    case FailureKind::queue_full:
      return "too many requests are waiting for an upstream connection (upstream.queue)";
    case FailureKind::queue_timeout:
      return "no upstream connection became available within queue_timeout";
    case FailureKind::breaker_open:
      return "the circuit breaker is open: the upstream keeps failing and is probed again shortly";
    case FailureKind::closed_early:
      return with_reason("the upstream closed the connection without a response");
    case FailureKind::write_failed:
      return with_reason("the upstream closed the connection while the request was being sent");
    case FailureKind::first_byte_timeout:
      return "no response from the upstream within first_byte_timeout";
    case FailureKind::idle_timeout:
      return "the upstream's response stalled for longer than idle_timeout";
    case FailureKind::total_timeout:
      return "no response from the upstream within total_timeout";
    case FailureKind::closed_in_body:
      return "the upstream closed the connection before its response was complete";
    case FailureKind::bad_answer:
      return "the upstream's response was refused: " +
             (refusal ? std::string(http::describe(*refusal)) : reason);
    case FailureKind::shutting_down:
      return "larder is shutting down";
  }
  return "the upstream failed";
}

void Failure::count(Counters& loop, RouteCounters* route) const noexcept {
  loop.upstream_failures[static_cast<std::size_t>(kind)].add();
  if (is_of_larder()) return;
  loop.upstream_errors.add();
  if (route != nullptr) route->upstream_errors.add();
}

}  // namespace larder::upstream
