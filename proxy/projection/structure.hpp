// Where a document's tokens start, found by simdjson, one window of the document at a time. Of this room
// alone.
//
// simdjson's first stage, the one that its parsers share, checks that bytes are UTF-8, that every string ends
// and that no string holds a bare control character, and writes down the place of each `{ } [ ] : ,` outside
// strings, of each opening quote, and of the first byte of anything else that is no white space. A quote or a
// letter that touches a number or a word before it is no token of its own: whoever reads that number or word
// checks what stands behind it.
//
// Windows keep the index in the processor's cache and small, whatever the document's size. A window ends
// before a comma. That it does so outside a string is a guess first, and known once simdjson has found every
// string in it ended; where one is open, a larger window is tried. Each is twice as large as the last, so
// that no document is read more than about twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace larder::projection {

/// Reused from document to document.
class Structure {
 public:
  Structure();
  ~Structure();
  Structure(Structure&&) noexcept;
  Structure& operator=(Structure&&) noexcept;

  enum class Found : std::uint8_t { tokens, not_json, no_memory };
  /// Finds the tokens of the next window of a document, of which `rest` is what the windows before have left.
  /// The window is at the front of `rest`, and all of it or followed by a comma. Needs no padding behind
  /// `rest`.
  [[nodiscard]] Found find(std::string_view rest);

  /// The window's bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Where in the window its tokens start: at least one. Behind the last stands the window's size.
  [[nodiscard]] const std::uint32_t* begin() const noexcept { return begin_; }
  [[nodiscard]] const std::uint32_t* end() const noexcept { return end_; }

  /// Gives back memory that a document without commas outside its strings needed.
  void shrink();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::size_t size_ = 0;
  const std::uint32_t* begin_ = nullptr;
  const std::uint32_t* end_ = nullptr;
};

}  // namespace larder::projection
