// Where a document's tokens start, found by simdjson in one pass over the bytes. Of this room alone.
//
// The pass is simdjson's first stage, the one that its parsers share. It checks that all bytes are UTF-8, that every string ends and that no
// string holds a bare control character, and it writes down the place of each `{ } [ ] : ,` outside strings, of each
// opening quote, and of the first byte of anything else that is no white space. A quote or a letter that touches a number or a word
// before it is no token of its own: whoever reads that number or word checks what stands behind it. What is
// left to check is the grammar of the tokens and of their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace larder::lean {

/// Reused from document to document.
class Structure {
 public:
  Structure();
  ~Structure();
  Structure(Structure&&) noexcept;
  Structure& operator=(Structure&&) noexcept;

  enum class Found : std::uint8_t { tokens, not_json, no_memory };
  /// Needs no padding behind `json`.
  [[nodiscard]] Found find(std::string_view json);

  /// The tokens' offsets into the document, of which there is at least one. One more may be read and written behind the last.
  [[nodiscard]] std::uint32_t* begin() noexcept;
  [[nodiscard]] std::uint32_t* end() noexcept;

  /// Gives memory back that a large document needed.
  void shrink();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace larder::lean
