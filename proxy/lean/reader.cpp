#include "lean/reader.hpp"

#include <cstring>
#include <string>

#include "lean/grammar.hpp"

namespace larder::lean {

Reader::Reader(std::string_view json, Structure& tokens, std::size_t most_deep)
    : text_(json.data()), at_(tokens.begin()), end_(tokens.end()), most_deep_(most_deep) {
  *tokens.end() = *tokens.begin();
}

bool Reader::is_container(std::string_view json, Structure& tokens) {
  const char first = json[*tokens.begin()];
  const char last = json[tokens.end()[-1]];
  return (first == '{' || first == '[') && (last == '}' || last == ']');
}

bool Reader::is_scalar(std::string_view json, Structure& tokens) {
  if (tokens.end() - tokens.begin() != 1) return false;
  auto text = json.substr(*tokens.begin());
  while (is_space(text.back())) text.remove_suffix(1);
  if (text.front() == '"') return true;  // that it ends, and where, is known: it is the only token
  if (text == "true" || text == "false" || text == "null") return true;
  const std::string number(text);  // with its NUL behind it
  return end_of_number(number.c_str()) == number.c_str() + number.size();
}

const char* Reader::end_of_last() const noexcept {
  const char* end = here();
  while (is_space(end[-1])) --end;
  return end;
}

bool Reader::may_open(std::size_t open) noexcept {
  if (open < most_deep_) return true;
  error_ = ProjectionError::too_deep;
  return false;
}

bool Reader::skip_word() noexcept {
  const char* first = here();
  const auto room = static_cast<std::size_t>(text_ + at_[1] - first);
  const char* behind = nullptr;
  switch (*first) {
    case 't':
      if (room >= 4 && std::memcmp(first, "true", 4) == 0) behind = first + 4;
      break;
    case 'f':
      if (room >= 5 && std::memcmp(first, "false", 5) == 0) behind = first + 5;
      break;
    case 'n':
      if (room >= 4 && std::memcmp(first, "null", 4) == 0) behind = first + 4;
      break;
    default: behind = end_of_number(first);
  }
  ++at_;
  return behind != nullptr && ends_word(*behind);
}

bool Reader::skip(std::size_t open) {
  switch (*here()) {
    case '"': ++at_; return true;
    case '{':
    case '[': return skip_container(open);
    default: return skip_word();
  }
}

bool Reader::skip_container(std::size_t open) {
  outer_.clear();
  bool object = false;  // the container around the cursor is one
  for (;;) {
    const char first = *here();
    if (first == '"') {
      ++at_;
    } else if (first == '{' || first == '[') {
      if (!may_open(open + outer_.size())) return false;
      ++at_;
      if (*here() == first + 2) {  // ASCII: } and ] stand two behind { and [
        ++at_;
      } else {
        outer_.push_back(object);
        object = first == '{';
        if (object) {
          if (!on_key()) return false;
          at_ += 2;
        }
        continue;
      }
    } else if (!skip_word()) {
      return false;
    }
    // Behind a value: on to the next one, or out of as many containers as end here.
    for (;;) {
      if (outer_.empty()) return true;
      const char next = *here();
      ++at_;
      if (next == ',') {
        if (object) {
          if (!on_key()) return false;
          at_ += 2;
        }
        break;
      }
      if (next != (object ? '}' : ']')) return false;
      object = outer_.back();
      outer_.pop_back();
    }
  }
}

}  // namespace larder::lean
