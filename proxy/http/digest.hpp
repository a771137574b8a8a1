// Fields that carry digests (RFC 9530).
#pragma once

#include <string_view>

namespace larder::http {

/// Whether the field is a digest of the content of one message: Content-Digest, or the obsolete Content-MD5.
/// It does not apply to other messages: a 206 has different content, and a 304 has none (RFC 9530 2).
[[nodiscard]] bool is_content_digest(std::string_view name) noexcept;

/// Whether the field is a digest of the content or of the selected representation: also Repr-Digest and the
/// obsolete Digest. Those two apply to parts of a representation as well, but not to a representation with
/// another content coding or with fewer members (RFC 9530 3).
[[nodiscard]] bool is_digest(std::string_view name) noexcept;

}  // namespace larder::http
