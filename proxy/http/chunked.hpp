// The chunked transfer coding (RFC 9112 7.1), read strictly: hexadecimal digits alone, CRLF alone, extensions
// and trailers bounded, checked and dropped.
#pragma once

#include "http/gate.hpp"
#include "http/limits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::http {

/// A push reader. Feed it what has come; it hands back one piece of body at a time, as a view into what it
/// was fed.
///
///   while (!input.empty()) {
///     auto step = reader.feed(input);   // step.consumed bytes are done with; step.data is the body among
///     them input.remove_prefix(step.consumed); if (step.state != ...::more) break;
///   }
class ChunkedReader {
 public:
  explicit ChunkedReader(const Limits& limits) noexcept
      : extension_limit_(limits.chunk_extension),
        trailer_limit_(limits.trailers),
        field_limit_(limits.field) {}

  struct Step {
    enum class State : std::uint8_t {
      more,  // go on feeding
      done,  // the last chunk and its trailers have been read; bytes after `consumed` are not of this message
      refused,  // `refusal` says why; the reader is of no more use
    };
    State state = State::more;
    std::size_t consumed = 0;
    std::string_view data;
    std::optional<Refusal> refusal;
  };

  /// Consumes at least one byte of a non-empty input unless it refuses.
  [[nodiscard]] Step feed(std::string_view input) noexcept;

 private:
  enum class Place : std::uint8_t {
    size,
    before_extension,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
  };
  [[nodiscard]] static Step refuse(Refusal reason) noexcept;
  [[nodiscard]] std::optional<Refusal> line_byte(char c) noexcept;
  [[nodiscard]] std::optional<Refusal> trailer_byte(char c) noexcept;

  std::size_t extension_limit_;
  std::size_t trailer_limit_;
  std::size_t field_limit_;
  Place place_ = Place::size;
  unsigned digits_ = 0;        // of the size being read
  std::uint64_t size_ = 0;     // of the chunk, less what has been handed out
  std::size_t line_size_ = 0;  // of extensions, or of a trailer line
  std::size_t trailer_size_ = 0;
  std::array<char, 32> name_{};  // the front of a trailer's name
  std::size_t name_size_ = 0;
};

}  // namespace larder::http
