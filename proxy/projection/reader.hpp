// A cursor over the tokens of a document that validates what it passes. Internal to this module.
//
// The document needs no padding, as no byte after it is read. The last token of a document is a closing
// bracket (start() and the last window ensure that), so every number, word or string is followed by another
// token, either in its window or as the comma at the start of the next one. After a value, the only place
// where a document or window can end, the end is checked.
#pragma once

#include "projection/grammar.hpp"
#include "projection/projector.hpp"
#include "projection/structure.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace larder::projection {

/// A stack of bits.
class BitStack {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void clear() noexcept {
    size_ = 0;
    below_.clear();
  }
  void push(bool bit) {
    if (size_ != 0 && size_ % 64 == 0) below_.push_back(top_);
    top_ = (top_ << 1u) | (bit ? 1u : 0u);
    ++size_;
  }
  [[nodiscard]] bool pop() noexcept {
    const bool bit = (top_ & 1u) != 0;
    top_ >>= 1u;
    --size_;
    if (size_ != 0 && size_ % 64 == 0) {
      top_ = below_.back();
      below_.pop_back();
    }
    return bit;
  }

 private:
  std::size_t size_ = 0;
  std::uint64_t top_ = 0;
  std::vector<std::uint64_t> below_;
};

/// The index entry of a token in the current window. nullptr means failure; see Reader::error().
using Token = const std::uint32_t*;

class Reader {
 public:
  Reader(std::string_view json, Structure& structure, const ProjectionLimits& limits) noexcept
      : structure_(structure),
        rest_(json),
        max_deep_(limits.depth),
        tokens_left_(limits.members > json.size() ? json.size() + 1 : limits.members * tokens_of_a_member) {}

  /// Moves to the first token of the document. Fails unless the document is a list or an object.
  [[nodiscard]] Token start();

  [[nodiscard]] const char* text(Token at) const noexcept { return text_ + *at; }

  /// To be called after a value, before text(): returns `at` or, at the end of the window, the first token of
  /// the next window. Fails at the end of the document, or if what follows is not JSON.
  [[nodiscard]] Token go_on(Token at) { return at != end_ ? at : next_window(); }
  [[nodiscard]] bool is_end(Token at) const noexcept { return at == end_ && rest_.empty(); }

  /// The end of what precedes the token, without white space.
  [[nodiscard]] const char* end_before(Token at) const noexcept {
    const char* end = text(at);
    while (is_space(end[-1])) --end;
    return end;
  }

  /// Whether the token is a member's name, followed by a colon.
  [[nodiscard]] bool is_key(Token at) const noexcept { return *text(at) == '"' && text_[at[1]] == ':'; }

  /// Validates and skips the value at `at`; returns the token after it. `open` is the number of containers
  /// around it.
  [[nodiscard]] Token skip(Token at, std::size_t open) {
    const char first = *text(at);
    if (first == '"') return at + 1;
    return first == '{' || first == '[' ? skip_container(at, open) : skip_word(at);
  }

  /// Whether another container may be opened inside `open` others; sets the error if not.
  [[nodiscard]] bool may_open(std::size_t open) noexcept {
    if (open < max_deep_) return true;
    error_ = ProjectionError::too_deep;
    return false;
  }

  /// Whether the part of the document read so far has escapes.
  [[nodiscard]] bool has_escapes() const noexcept { return escapes_; }
  [[nodiscard]] ProjectionError error() const noexcept { return error_; }

 private:
  [[nodiscard]] Token load_window();
  [[nodiscard]] Token next_window();
  [[nodiscard]] bool may_end() const noexcept;  // the last token may end the document
  [[nodiscard]] Token skip_container(Token at, std::size_t open);
  [[nodiscard]] Token skip_word(Token at) const noexcept;

  Structure& structure_;
  std::string_view rest_;  // after the window
  const char* text_ = nullptr;
  Token end_ = nullptr;
  static constexpr std::size_t tokens_of_a_member = 4;  // name, colon, value, comma
  std::size_t max_deep_;
  std::size_t tokens_left_;
  BitStack outer_;  // for each container skip_container is in: whether the one around it is an object
  bool escapes_ = false;
  ProjectionError error_ = ProjectionError::not_json;
};

inline Token Reader::skip_word(Token at) const noexcept {
  const char* first = text(at);
  const char* behind = nullptr;
  const auto is = [&](const char* word, std::size_t size) {
    const auto room = static_cast<std::size_t>(text(at + 1) - first);
    if (room >= size && std::memcmp(first, word, size) == 0) behind = first + size;
  };
  switch (*first) {
    case 't':
      is("true", 4);
      break;
    case 'f':
      is("false", 5);
      break;
    case 'n':
      is("null", 4);
      break;
    default:
      behind = end_of_number(first);
  }
  return behind != nullptr && ends_word(*behind) ? at + 1 : nullptr;
}

}  // namespace larder::projection
