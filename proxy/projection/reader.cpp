#include "projection/reader.hpp"

#include <string>

namespace larder::projection {

namespace {

// Whether the document is a single word or number.
bool is_word(std::string_view text) {
  while (is_space(text.back())) text.remove_suffix(1);
  if (text == "true" || text == "false" || text == "null") return true;
  const std::string number(text);  // terminated by a NUL
  return end_of_number(number.c_str()) == number.c_str() + number.size();
}

}  // namespace

Token Reader::start() {
  const Token at = load_window();
  if (at == nullptr) return nullptr;
  const char* first = text(at);
  if (*first == '{' || *first == '[') return may_end() ? at : nullptr;
  const bool alone = rest_.empty() && end_ - at == 1;
  // A single string was terminated and nothing follows it, as there would be another token.
  const auto size = static_cast<std::size_t>(text_ + structure_.size() - first);
  if (alone && (*first == '"' || is_word({first, size}))) error_ = ProjectionError::wrong_shape;
  return nullptr;
}

Token Reader::next_window() {
  if (rest_.empty()) return nullptr;
  const Token at = load_window();
  return at != nullptr && may_end() ? at : nullptr;
}

Token Reader::load_window() {
  switch (structure_.find(rest_)) {
    case Structure::Found::tokens:
      break;
    case Structure::Found::not_json:
      return nullptr;
    case Structure::Found::no_memory:
      error_ = ProjectionError::too_large;
      return nullptr;
  }
  const auto window = rest_.substr(0, structure_.size());
  rest_.remove_prefix(window.size());
  text_ = window.data();
  end_ = structure_.end();
  const auto tokens = static_cast<std::size_t>(end_ - structure_.begin());
  if (tokens > tokens_left_) {
    error_ = ProjectionError::too_large;
    return nullptr;
  }
  tokens_left_ -= tokens;
  // No escape extends into the next window, as the window's end is outside strings.
  return has_good_escapes(window, escapes_) ? structure_.begin() : nullptr;
}

bool Reader::may_end() const noexcept {
  const char last = *text(end_ - 1);
  return !rest_.empty() || last == '}' || last == ']';
}

Token Reader::skip_container(Token at, std::size_t open) {
  outer_.clear();
  bool object = false;  // the innermost container is an object
  for (;;) {
    const char first = *text(at);
    if (first == '"') {
      ++at;
    } else if (first == '{' || first == '[') {
      if (!may_open(open + outer_.size())) return nullptr;
      ++at;
      if (*text(at) == first + 2) {  // in ASCII, the closing bracket is the opening bracket plus 2
        ++at;
      } else {
        outer_.push(object);
        object = first == '{';
        if (object) {
          if (!is_key(at)) return nullptr;
          at += 2;
        }
        continue;
      }
    } else {
      at = skip_word(at);
      if (at == nullptr) return nullptr;
    }
    // After a value: moves to the next one, or closes all containers that end here.
    for (;;) {
      if (outer_.empty()) return at;
      at = go_on(at);
      if (at == nullptr) return nullptr;
      const char next = *text(at);
      ++at;
      if (next == ',') {
        if (object) {
          if (!is_key(at)) return nullptr;
          at += 2;
        }
        break;
      }
      if (next != (object ? '}' : ']')) return nullptr;
      object = outer_.pop();
    }
  }
}

}  // namespace larder::projection
