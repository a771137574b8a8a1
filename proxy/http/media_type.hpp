// Media types (RFC 9110 8.3.1).
#pragma once

#include <string_view>

namespace larder::http {

/// Whether a value of Content-Type names a stream, which may never end and is read while it arrives:
/// text/event-stream, multipart/x-mixed-replace, and the types of newline-delimited JSON.
[[nodiscard]] bool is_stream_type(std::string_view content_type) noexcept;

}  // namespace larder::http
