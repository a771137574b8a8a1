// Fields that describe the bytes of a body, and so hold only as long as those bytes stay as they are.
#pragma once

#include "http/fields.hpp"

#include <string_view>

namespace larder::http {

/// Whether the field is a digest of the content of one message: Content-Digest, or the obsolete Content-MD5.
/// It does not apply to other messages: a 206 has different content, and a 304 has none (RFC 9530 2).
[[nodiscard]] bool is_content_digest(std::string_view name) noexcept;

/// Whether the field is a digest of the content or of the selected representation: also Repr-Digest and the
/// obsolete Digest. Those two apply to parts of a representation as well, but not to a representation with
/// another content coding or with fewer members (RFC 9530 3).
[[nodiscard]] bool is_digest(std::string_view name) noexcept;

/// Whether the field describes the bytes that it was sent with: their framing, coding, range or digest. A
/// representation with other bytes has none of these fields, and a 304 does not change them (RFC 9111 3.2).
/// An entity tag also belongs to the bytes, but a 304 and a freshened response have one, so it is not
/// included.
[[nodiscard]] bool describes_body(const Field& line) noexcept;

}  // namespace larder::http
