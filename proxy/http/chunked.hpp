// Strict decoder of the chunked transfer coding (RFC 9112 7.1): sizes are hexadecimal digits only, line ends
// are CRLF only; extensions and trailers are limited, validated and discarded.
#pragma once

#include "http/gate.hpp"
#include "http/limits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::http {

/// A push parser. Each call of feed() returns at most one piece of the body, as a view into its input.
///
///   while (!input.empty()) {
///     auto step = reader.feed(input);  // step.data is the body among the step.consumed bytes
///     input.remove_prefix(step.consumed);
///     if (step.state != ...::more) break;
///   }
class ChunkedReader {
 public:
  explicit ChunkedReader(const Limits& limits) noexcept
      : extension_limit_(limits.chunk_extension),
        trailer_limit_(limits.trailers),
        field_limit_(limits.field) {}

  struct Step {
    enum class State : std::uint8_t {
      more,     // more input is needed
      done,     // the last chunk and the trailers are complete; bytes after `consumed` belong to the next
                // message
      refused,  // see `refusal`; the reader cannot be used any more
    };
    State state = State::more;
    std::size_t consumed = 0;
    std::string_view data;
    std::optional<Refusal> refusal;
  };

  /// Consumes at least one byte of a non-empty input, unless the state becomes `refused`.
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
  unsigned digits_ = 0;        // digits of the size read so far
  std::uint64_t size_ = 0;     // bytes of the chunk not yet returned
  std::size_t line_size_ = 0;  // bytes of the extensions, or of the trailer line
  std::size_t trailer_size_ = 0;
  std::array<char, 32> name_{};  // the first bytes of a trailer's name
  std::size_t name_size_ = 0;
};

}  // namespace larder::http
