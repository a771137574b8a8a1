// Content codings, made and undone. Pure: bytes in, bytes out; what comes out is bounded by the caller.
#pragma once

#include "http/coding.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::coding {

/// The bytes in that coding; nullopt where the library refuses (out of memory). `level` is the coding's own:
/// gzip 1 to 12, br 0 to 11, zstd 1 to 19.
[[nodiscard]] std::optional<std::string> encode(http::Coding coding, int level, std::string_view bytes);

/// What tells the bytes that `encode` makes now from those that it would make under another level, or with
/// another version of the library: the end of an entity tag. Empty for the default levels with the versions
/// of Debian 12, else
/// `-` and four hexadecimal digits.
[[nodiscard]] std::string encoder_fingerprint(http::Coding coding, int level);

enum class DecodeError : std::uint8_t {
  malformed,  // or cut off, or with bytes behind its end
  too_large,  // more than `most` bytes
};
struct Decoded {
  std::string bytes;
  std::optional<DecodeError> error;
};
/// Undoes a coding. Never holds much more than `most` bytes, whatever the input promises or unpacks to.
[[nodiscard]] Decoded decode(http::Coding coding, std::string_view bytes, std::size_t most);

}  // namespace larder::coding
