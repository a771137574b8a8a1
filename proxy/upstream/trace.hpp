// Fields that name a request from hop to hop: W3C Trace Context (traceparent, tracestate), and X-Request-ID.
#pragma once

#include "http/gate.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>

namespace larder::upstream {

/// `version-trace_id-parent_id-flags` as W3C Trace Context 3.2 has it: lower case, neither identifier all
/// zeros, version not ff. Of later versions what follows is not looked at.
[[nodiscard]] bool is_traceparent(std::string_view value) noexcept;
/// A new trace, marked as sampled: whoever asks for one wants to see it.
[[nodiscard]] std::string new_traceparent();
/// 32 hexadecimal digits.
[[nodiscard]] std::string new_request_id();

/// What names one request.
struct Names {
  std::string traceparent;  // empty = none
  std::string request_id;
  bool began_trace = false;  // larder did: the client's traceparent and tracestate, if any, do not go on
  bool began_request_id = false;

  /// The field lines that are to be added, each with its end.
  [[nodiscard]] std::string lines() const;
};
/// The request's own names, and those that the settings begin where it has none (a malformed traceparent is
/// none, and several are; a request id that is empty or longer than 128 bytes neither).
[[nodiscard]] Names names_of(http::Fields fields, const settings::Settings& settings);
/// For a request that larder makes behind readers: never those of the reader who once asked.
[[nodiscard]] Names new_names(const settings::Settings& settings);

}  // namespace larder::upstream
