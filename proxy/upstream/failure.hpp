// Failures between larder and the API, and the status that the client gets.
#pragma once

#include "http/gate.hpp"
#include "net/counters.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

enum class FailureKind : std::uint8_t {
  resolve_failed,      // 502: the name does not resolve
  resolve_timeout,     // 504: resolving the name timed out
  connect_failed,      // 502: connection refused or host unreachable
  connect_timeout,     // 504
  tls_failed,          // 502: no TLS connection, for example because of the certificate
  queue_full,          // 503: upstream.queue requests are already waiting
  queue_timeout,       // 503: no connection became available in time
  breaker_open,        // 503: the circuit breaker is open
  closed_early,        // 502: the connection was closed before a response
  write_failed,        // 502: the connection was closed while the request was sent
  first_byte_timeout,  // 504
  idle_timeout,        // 504: the response stalled
  total_timeout,       // 504: the fetch took too long as a whole
  closed_in_body,      // 502: the connection was closed before the response was complete
  bad_answer,          // 502: the response is malformed or not acceptable
  shutting_down,       // 503: drain_timeout is over
};
inline constexpr std::size_t failure_kinds = static_cast<std::size_t>(FailureKind::shutting_down) + 1;
static_assert(failure_kinds <= max_failure_kinds);

struct Failure {
  FailureKind kind = FailureKind::connect_failed;
  std::optional<http::Refusal> refusal;  // for bad_answer
  std::string reason;     // the system's message, or larder's if there is no refusal; may be empty
  std::string peer = {};  // the address or the host name that was tried; not for clients; may be empty

  [[nodiscard]] int status() const noexcept;  // 502, 503 or 504
  /// Whether the failure indicates a problem of the API, as opposed to a limit of larder or a single bad
  /// response.
  [[nodiscard]] bool is_of_the_api() const noexcept {
    return kind != FailureKind::queue_full && kind != FailureKind::queue_timeout &&
           kind != FailureKind::breaker_open && kind != FailureKind::bad_answer &&
           kind != FailureKind::shutting_down;
  }
  /// Whether a limit of larder's own kept the request from being sent.
  [[nodiscard]] bool is_of_larder() const noexcept {
    return kind == FailureKind::queue_full || kind == FailureKind::queue_timeout ||
           kind == FailureKind::breaker_open || kind == FailureKind::shutting_down;
  }
  /// Whether a connection was made, so that the failure may concern the target rather than the API.
  [[nodiscard]] bool is_after_connecting() const noexcept {
    return kind == FailureKind::closed_early || kind == FailureKind::write_failed ||
           kind == FailureKind::first_byte_timeout || kind == FailureKind::idle_timeout ||
           kind == FailureKind::total_timeout || kind == FailureKind::closed_in_body;
  }
  /// Whether no response was received, as opposed to an unusable one.
  [[nodiscard]] bool is_disconnection() const noexcept { return kind != FailureKind::bad_answer; }
  [[nodiscard]] std::string_view name() const noexcept;  // the enumerator's name
  /// Counts the failure by its kind, and as an error unless a limit of larder's own is the cause. `route` may
  /// be nullptr.
  void count(Counters& loop, RouteCounters* route) const noexcept;
  /// For the `detail` of the problem document; names no address, as clients read it.
  [[nodiscard]] std::string sentence() const { return sentence_about({}); }
  /// For the log: the same with the address.
  [[nodiscard]] std::string log_sentence() const { return sentence_about(peer.empty() ? peer : " " + peer); }

 private:
  [[nodiscard]] std::string sentence_about(const std::string& whom) const;
};

}  // namespace larder::upstream
