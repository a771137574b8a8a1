// What can go wrong between larder and the API, and what the client is told.
#pragma once

#include "http/gate.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

enum class FailureKind : std::uint8_t {
  resolve_failed,      // 502: the name has no address
  resolve_timeout,     // 504: the look-up of its name takes too long
  connect_failed,      // 502: refused, unreachable
  connect_timeout,     // 504
  queue_full,          // 503: upstream.queue requests wait already
  queue_timeout,       // 503: no connection became free in time
  breaker_open,        // 503: it has not answered for a while, and is not asked
  closed_early,        // 502: the connection ended before an answer
  write_failed,        // 502: it ended while the request was sent
  first_byte_timeout,  // 504
  idle_timeout,        // 504: the answer stopped in the middle
  closed_in_body,      // 502: the answer ended before it was complete
  bad_answer,          // 502: the gate refuses it
};
inline constexpr std::size_t failure_kinds = static_cast<std::size_t>(FailureKind::bad_answer) + 1;

struct Failure {
  FailureKind kind = FailureKind::connect_failed;
  std::optional<http::Refusal> refusal;  // for bad_answer
  std::string reason;  // the system's words, or ours where there is no refusal; may be empty

  [[nodiscard]] int status() const noexcept;  // 502, 503 or 504
  /// It says something of the API's health, not of larder's own bounds or of this one answer.
  [[nodiscard]] bool is_of_the_api() const noexcept {
    return kind != FailureKind::queue_full && kind != FailureKind::queue_timeout &&
           kind != FailureKind::breaker_open && kind != FailureKind::bad_answer;
  }
  /// No answer came, as against one that cannot be used.
  [[nodiscard]] bool is_disconnection() const noexcept { return kind != FailureKind::bad_answer; }
  [[nodiscard]] std::string_view name() const noexcept;  // the enum's own name
  [[nodiscard]] std::string sentence() const;            // for the problem's detail and the log
};

}  // namespace larder::upstream
