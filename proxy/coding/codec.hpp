// Encoding and decoding of content codings. Pure functions; the caller bounds the size of the output.
#pragma once

#include "http/coding.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::coding {

/// Encodes bytes; nullopt if the library fails (out of memory). `level` is specific to the coding: gzip 1 to
/// 12, br 0 to 11, zstd 1 to 19.
[[nodiscard]] std::optional<std::string> encode(http::Coding coding, int level, std::string_view bytes);

/// Identifies the encoder's output, as the suffix of an entity tag: the same bytes are encoded differently
/// with another level or library version. Empty for the default levels with the library versions of Debian
/// 12, otherwise `-` and four hexadecimal digits.
[[nodiscard]] std::string encoder_fingerprint(http::Coding coding, int level);

enum class DecodeError : std::uint8_t {
  malformed,  // also if truncated or followed by further bytes
  too_large,  // larger than `most` bytes
};
struct Decoded {
  std::string bytes;
  std::optional<DecodeError> error;
};
/// Decodes bytes. Never holds much more than `most` bytes, whatever the input declares or expands to.
[[nodiscard]] Decoded decode(http::Coding coding, std::string_view bytes, std::size_t most);

}  // namespace larder::coding
