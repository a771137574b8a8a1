// A cursor over the tokens of a document that checks what it passes. Of this room alone.
//
// It reads no byte behind the document and needs no padding there: the document opens with a bracket (Reader::is_container), its last
// token is a closing one, and behind that stands, as a sentinel, the opening one again. A number, a word or a string
// therefore always has a token behind it, and the only state in which the sentinel can be met, behind a value, refuses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lean/projector.hpp"
#include "lean/structure.hpp"

namespace larder::lean {

class Reader {
 public:
  /// `json` must be a container; `tokens` are its own, and the one behind the last is overwritten.
  Reader(std::string_view json, Structure& tokens, std::size_t most_deep);

  /// True if the first and the last token can be those of a list or an object.
  [[nodiscard]] static bool is_container(std::string_view json, Structure& tokens);
  /// True if the document is one number, word or string, and nothing else.
  [[nodiscard]] static bool is_scalar(std::string_view json, Structure& tokens);

  /// The first byte of the token that the cursor stands on.
  [[nodiscard]] const char* here() const noexcept { return text_ + *at_; }
  void step() noexcept { ++at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }

  /// Behind the last byte of what stands before the cursor's token, white space left out.
  [[nodiscard]] const char* end_of_last() const noexcept;

  /// True if the cursor is on a member's name with a colon behind it.
  [[nodiscard]] bool on_key() const noexcept { return *here() == '"' && text_[at_[1]] == ':'; }

  /// Passes one value, checking all of it. `open`: the containers that it lies in.
  [[nodiscard]] bool skip(std::size_t open);

  /// Why skip failed.
  [[nodiscard]] ProjectionError error() const noexcept { return error_; }
  [[nodiscard]] bool may_open(std::size_t open) noexcept;

 private:
  [[nodiscard]] bool skip_container(std::size_t open);
  [[nodiscard]] bool skip_word() noexcept;

  const char* text_;
  const std::uint32_t* at_;
  const std::uint32_t* end_;
  std::size_t most_deep_;
  std::vector<bool> outer_;  // of the containers that skip has entered: whether the one around each is an object
  ProjectionError error_ = ProjectionError::not_json;
};

}  // namespace larder::lean
