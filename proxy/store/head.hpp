// The head of a stored response: HTTP/1 text, ready to be sent, and the place of each of its field lines.
//
// A hit sends the text as it is. Everything else (another entity tag, a part, a content coding, another
// version of HTTP, freshening) works on the lines. Values; no threading of their own.
#pragma once

#include "http/fields.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace larder::store {

/// Where the lines of a head are in its text. Kept apart from the text, because a hit does not read it.
class HeadLines {
 public:
  struct Line {
    std::uint32_t name_size = 0;
    std::uint32_t value_size = 0;
    http::FieldId id = http::FieldId::unknown;
    bool is_own = false;  // larder's, not of the API's response
    bool in_304 = false;  // a 304 in place of the response has it too
  };

  HeadLines() = default;
  HeadLines(int status, std::size_t reason_size)
      : status_(static_cast<std::uint16_t>(status)), reason_size_(static_cast<std::uint32_t>(reason_size)) {}

  void add(const Line& line) { lines_.push_back(line); }
  void shrink_to_fit() { lines_.shrink_to_fit(); }

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] std::size_t reason_size() const noexcept { return reason_size_; }
  [[nodiscard]] const std::vector<Line>& lines() const noexcept { return lines_; }
  /// Whether the lines, with the status line, are exactly as long as `text`.
  [[nodiscard]] bool fit(std::string_view text) const noexcept;
  [[nodiscard]] std::size_t charge() const noexcept { return lines_.capacity() * sizeof(Line); }  // bytes

  [[nodiscard]] std::size_t status_line_size() const noexcept;

 private:
  std::uint16_t status_ = 0;
  std::uint32_t reason_size_ = 0;
  std::vector<Line> lines_;
};

/// A head as a range of its lines. Views: the text and the lines must outlive it.
class HeadView {
 public:
  struct Line {
    http::Field field;
    bool is_own = false;
    bool in_304 = false;
  };
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Line;
    using difference_type = std::ptrdiff_t;
    using pointer = const Line*;
    using reference = Line;

    Iterator(const char* at, std::vector<HeadLines::Line>::const_iterator line) : at_(at), line_(line) {}
    [[nodiscard]] Line operator*() const noexcept {
      return {{line_->id, {at_, line_->name_size}, {at_ + line_->name_size + 2, line_->value_size}},
              line_->is_own,
              line_->in_304};
    }
    Iterator& operator++() noexcept {
      at_ += line_->name_size + line_->value_size + 4;  // ": " and CRLF
      ++line_;
      return *this;
    }
    [[nodiscard]] bool operator==(const Iterator& other) const noexcept { return line_ == other.line_; }

   private:
    const char* at_;
    std::vector<HeadLines::Line>::const_iterator line_;
  };

  HeadView() noexcept = default;
  /// `lines` must fit `text`.
  HeadView(std::string_view text, const HeadLines& lines) noexcept : text_(text), lines_(&lines) {}

  [[nodiscard]] int status() const noexcept { return lines_->status(); }
  [[nodiscard]] std::string_view reason() const noexcept;
  [[nodiscard]] Iterator begin() const noexcept {
    return {text_.data() + lines_->status_line_size(), lines_->lines().begin()};
  }
  [[nodiscard]] Iterator end() const noexcept { return {text_.data() + text_.size(), lines_->lines().end()}; }

 private:
  std::string_view text_;
  const HeadLines* lines_ = nullptr;
};

/// A head that is made for one response.
struct MadeHead {
  std::string text;
  HeadLines lines;

  [[nodiscard]] HeadView view() const noexcept { return {text, lines}; }
};

/// Appends a status line to `out`.
void append_status_line(int status, std::string_view reason, std::string& out);
/// Appends a field line to `out`.
void append_line(std::string_view name, std::string_view value, std::string& out);

/// Builds a head and, if asked for, that of a 304 in its place.
class HeadBuilder {
 public:
  HeadBuilder(int status, std::string_view reason, bool with_304);

  /// `in_304` has no effect without a 304.
  void add(const http::Field& field, bool is_own, bool in_304);

  /// Moves the results out.
  void finish(MadeHead& head) { finish(head.text, head_304_, head.lines); }
  void finish(std::string& head, std::string& head_304, HeadLines& lines);

 private:
  bool with_304_;
  std::string head_;
  std::string head_304_;
  HeadLines lines_;
};

}  // namespace larder::store
