#include "http/chunked.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

namespace {

constexpr unsigned max_digits = 16;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// Fields for framing and routing are not allowed in trailers (RFC 9110 6.5.1): behind the body they could
// only be an attack.
bool belongs_in_head(std::string_view name) noexcept {
  for (const std::string_view forbidden :
       {"content-length", "transfer-encoding", "host", "trailer", "connection", "te", "upgrade",
        "content-encoding", "content-range", "content-type", "expect"}) {
    if (iequals(name, forbidden)) return true;
  }
  return false;
}

}  // namespace

ChunkedReader::Step ChunkedReader::refuse(Refusal reason) noexcept {
  Step step;
  step.state = Step::State::refused;
  step.refusal = reason;
  return step;
}

ChunkedReader::Step ChunkedReader::feed(std::string_view input) noexcept {
  Step step;
  while (step.consumed < input.size()) {
    if (place_ == Place::data) {
      step.data = input.substr(step.consumed, static_cast<std::size_t>(std::min<std::uint64_t>(
                                                  size_, input.size() - step.consumed)));
      step.consumed += step.data.size();
      size_ -= step.data.size();
      if (size_ == 0) place_ = Place::data_cr;
      return step;
    }
    const char c = input[step.consumed++];
    const auto refusal = place_ >= Place::trailer_start ? trailer_byte(c) : line_byte(c);
    if (refusal) return refuse(*refusal);
    if (place_ == Place::done) {
      step.state = Step::State::done;
      return step;
    }
  }
  return step;
}

// The line of a chunk's size and extensions, and the line end after its data (RFC 9112 7.1, 7.1.1).
std::optional<Refusal> ChunkedReader::line_byte(char c) noexcept {
  switch (place_) {
    case Place::size: {
      const int digit = hex_value(c);
      if (digit >= 0) {
        if (++digits_ > max_digits) return Refusal::bad_chunk;
        size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
        return std::nullopt;
      }
      if (digits_ == 0) return Refusal::bad_chunk;
      if (c == '\r')
        place_ = Place::size_lf;
      else if (c == ';')
        place_ = Place::extension;
      else if (is_blank(c)) {
        place_ = Place::before_extension;
        ++line_size_;
      } else
        return Refusal::bad_chunk;
      return std::nullopt;
    }
    // RFC 9112 7.1.1: after the size, white space is allowed only before the semicolon of an extension. It
    // counts towards the limit of the extensions.
    case Place::before_extension:
      if (c == ';')
        place_ = Place::extension;
      else if (!is_blank(c))
        return Refusal::bad_chunk;
      else if (++line_size_ > extension_limit_)
        return Refusal::chunk_extension_too_long;
      return std::nullopt;
    case Place::extension:
      if (c == '\r')
        place_ = Place::size_lf;
      else if (is_control(c))
        return Refusal::bad_chunk;
      else if (++line_size_ > extension_limit_)
        return Refusal::chunk_extension_too_long;
      return std::nullopt;
    case Place::size_lf:
      if (c != '\n') return Refusal::bare_cr;
      place_ = size_ == 0 ? Place::trailer_start : Place::data;
      digits_ = 0;
      line_size_ = 0;
      return std::nullopt;
    case Place::data_cr:
      if (c != '\r') return Refusal::bad_chunk;
      place_ = Place::data_lf;
      return std::nullopt;
    case Place::data_lf:
      if (c != '\n') return Refusal::bad_chunk;
      place_ = Place::size;
      return std::nullopt;
    default:
      return Refusal::bad_chunk;
  }
}

// Trailer lines are validated like the fields of a head, and discarded (RFC 9112 7.1.2).
std::optional<Refusal> ChunkedReader::trailer_byte(char c) noexcept {
  if (++trailer_size_ > trailer_limit_) return Refusal::trailer_too_large;
  switch (place_) {
    case Place::trailer_start:
      if (c == '\r') {
        place_ = Place::end_lf;
        return std::nullopt;
      }
      if (c == ' ' || c == '\t') return Refusal::folded_line;
      name_size_ = 0;
      line_size_ = 0;
      place_ = Place::trailer_name;
      [[fallthrough]];
    case Place::trailer_name:
      if (c == ':') {
        if (name_size_ == 0) return Refusal::bad_field_name;
        if (belongs_in_head({name_.data(), std::min(name_size_, name_.size())}))
          return Refusal::framing_in_trailer;
        place_ = Place::trailer_value;
        return std::nullopt;
      }
      if (!is_token_char(c))
        return c == ' ' || c == '\t' ? Refusal::space_before_colon : Refusal::bad_field_name;
      if (name_size_ < name_.size()) name_[name_size_] = c;
      ++name_size_;
      return ++line_size_ > field_limit_ ? std::optional(Refusal::field_too_large) : std::nullopt;
    case Place::trailer_value:
      if (c == '\r')
        place_ = Place::trailer_lf;
      else if (c == '\n')
        return Refusal::bare_lf;
      else if (is_control(c))
        return Refusal::bad_field_value;
      else if (++line_size_ > field_limit_)
        return Refusal::field_too_large;
      return std::nullopt;
    case Place::trailer_lf:
      if (c != '\n') return Refusal::bare_cr;
      place_ = Place::trailer_start;
      return std::nullopt;
    case Place::end_lf:
      if (c != '\n') return Refusal::bare_cr;
      place_ = Place::done;
      return std::nullopt;
    default:
      return Refusal::bad_chunk;
  }
}

}  // namespace larder::http
