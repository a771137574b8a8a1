// Which fields carry a digest, and of what (RFC 9530).
#pragma once

#include <string_view>

namespace larder::http {

/// Of the content of one message: Content-Digest, and the obsolete Content-MD5. It holds for no other
/// message: a part has another content, and a 304 has none (RFC 9530 2).
[[nodiscard]] bool is_content_digest(std::string_view name) noexcept;

/// Of the content, or of the selected representation: Repr-Digest and the obsolete Digest besides. The latter
/// two hold for parts of a representation too, but not for one with another coding or with fewer members
/// (RFC 9530 3).
[[nodiscard]] bool is_digest(std::string_view name) noexcept;

}  // namespace larder::http
