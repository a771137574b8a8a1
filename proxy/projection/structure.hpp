// Finds where the tokens of a document start, using simdjson, one window of the document at a time. Internal
// to this module.
//
// simdjson's first stage, which all its parsers share, checks that the bytes are UTF-8, that every string is
// terminated and that no string contains a bare control character. It records the position of each `{ } [ ] :
// ,` outside strings, of each opening quote, and of the first byte of anything else that is not white space.
// A quote or letter directly after a number or word is not recorded as a token: the code that reads the
// number or word must check the byte after it.
//
// Windows keep the index small and in the processor's cache, whatever the size of the document. A window ends
// before a comma, which is first assumed to be outside a string. simdjson confirms that if all strings in the
// window are terminated; otherwise a window of twice the size is tried, so that no document is read more than
// about twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace larder::projection {

/// Meant to be reused for several documents.
class Structure {
 public:
  Structure();
  ~Structure();
  Structure(Structure&&) noexcept;
  Structure& operator=(Structure&&) noexcept;

  enum class Found : std::uint8_t { tokens, not_json, no_memory };
  /// Finds the tokens of the next window. `rest` is the document without the previous windows; the window
  /// starts at its front and either is all of it or is followed by a comma. No padding is needed after
  /// `rest`.
  [[nodiscard]] Found find(std::string_view rest);

  /// The size of the window in bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The positions of the window's tokens, at least one. The last is followed by the window's size.
  [[nodiscard]] const std::uint32_t* begin() const noexcept { return begin_; }
  [[nodiscard]] const std::uint32_t* end() const noexcept { return end_; }

  /// Frees the memory that a document without commas outside strings needed.
  void shrink();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::size_t size_ = 0;
  const std::uint32_t* begin_ = nullptr;
  const std::uint32_t* end_ = nullptr;
};

}  // namespace larder::projection
