// Identifiers that a request keeps from hop to hop: W3C Trace Context (traceparent, tracestate) and
// X-Request-ID.
#pragma once

#include "http/gate.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>

namespace larder::upstream {

/// Whether the value is a valid traceparent, `version-trace_id-parent_id-flags` (W3C Trace Context 3.2):
/// lower case, neither identifier all zeros, version not ff. For later versions, further content is ignored.
[[nodiscard]] bool is_traceparent(std::string_view value) noexcept;
/// Generates a traceparent, marked as sampled.
[[nodiscard]] std::string new_traceparent();
/// Generates a request id: 32 hexadecimal digits.
[[nodiscard]] std::string new_request_id();

/// The identifiers of one request.
struct Names {
  std::string traceparent;  // empty = none
  std::string request_id;
  bool began_trace = false;  // the trace was started by larder; the client's traceparent and tracestate, if
                             // any, are not forwarded
  bool began_request_id = false;

  /// The field lines to add, each terminated by CRLF.
  [[nodiscard]] std::string lines() const;
};
/// The request's identifiers, and generated ones where it has none and the settings say so. A malformed
/// traceparent or several of them, and a request id that is empty or longer than 128 bytes, count as none.
[[nodiscard]] Names names_of(http::Fields fields, const settings::Settings& settings);
/// The identifiers of a background request: never those of a client's request.
[[nodiscard]] Names new_names(const settings::Settings& settings);

}  // namespace larder::upstream
