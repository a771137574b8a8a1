#include "http/head_reader.hpp"

#include "http/text.hpp"

#include <cstring>

namespace larder::http::detail {

namespace {

using State = GateResult::State;

HeadBounds refuse(Refusal reason) noexcept {
  return {State::refused, 0, 0, reason};
}

const char* find_byte(const char* from, const char* to, char byte) noexcept {
  return static_cast<const char*>(std::memchr(from, byte, static_cast<std::size_t>(to - from)));
}

// Whether a line has control characters other than HTAB. Has no branches, so that the compiler can vectorise
// it: every byte of a request's head passes through here.
bool has_control(std::string_view line) noexcept {
  unsigned found = 0;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    found |= static_cast<unsigned>(byte < 0x20) & static_cast<unsigned>(byte != '\t');
    found |= static_cast<unsigned>(byte == 0x7F);
  }
  return found != 0;
}

std::optional<Refusal> check_line(std::string_view line, bool is_start, bool is_second,
                                  const Limits& limits) noexcept {
  if (is_start) return has_control(line) ? std::optional(Refusal::bad_start_line) : std::nullopt;
  // RFC 9112 5.2 (folded lines) and 2.2 (white space before the first field).
  if (line.front() == ' ' || line.front() == '\t')
    return is_second ? Refusal::bad_field_name : Refusal::folded_line;
  if (line.size() > limits.field) return Refusal::field_too_large;
  if (has_control(line)) return Refusal::bad_field_value;
  return std::nullopt;
}

}  // namespace

HeadBounds find_head(std::string_view bytes, const Limits& limits, Refusal long_start_line,
                     std::size_t start_line_limit) noexcept {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* line = begin;
  if (bytes.starts_with("\r\n")) line += 2;  // RFC 9112 2.2
  const auto skipped = static_cast<std::size_t>(line - begin);
  std::size_t lines = 0;
  while (line < end) {
    const char* const feed = find_byte(line, end, '\n');
    const auto have = static_cast<std::size_t>((feed != nullptr ? feed : end) - line);
    if (lines == 0 && have > start_line_limit) return refuse(long_start_line);
    if (lines > 0 && have > limits.field + 1) return refuse(Refusal::field_too_large);
    const char* const carriage = find_byte(line, line + have, '\r');
    if (feed == nullptr) {
      if (carriage != nullptr && carriage + 1 != end) return refuse(Refusal::bare_cr);
      // Refuse at once what cannot become a start line, instead of waiting for its end.
      const auto so_far = std::string_view(line, have - (carriage != nullptr ? 1 : 0));
      if (lines == 0 && has_control(so_far)) return refuse(Refusal::bad_start_line);
      break;
    }
    if (carriage == nullptr) return refuse(Refusal::bare_lf);
    if (carriage + 1 != feed) return refuse(Refusal::bare_cr);
    const auto size = static_cast<std::size_t>(feed + 1 - begin);
    if (size > limits.head) return refuse(Refusal::head_too_large);
    const std::string_view text(line, have - 1);
    if (text.empty()) {
      if (lines == 0) return refuse(Refusal::bad_start_line);
      return {State::complete, skipped, size, std::nullopt};
    }
    if (const auto reason = check_line(text, lines == 0, lines == 1, limits)) return refuse(*reason);
    if (lines > limits.fields) return refuse(Refusal::too_many_fields);
    ++lines;
    line = feed + 1;
  }
  if (bytes.size() > limits.head) return refuse(Refusal::head_too_large);
  return {};
}

namespace {

// The registered transfer codings other than chunked (RFC 9112 7.2).
bool is_registered_coding(std::string_view name) noexcept {
  for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (iequals(name, known)) return true;
  }
  return false;
}

}  // namespace

FramingFields read_framing(Fields fields, int minor_version) noexcept {
  FramingFields framing;
  bool transfer_encoding = false;
  for (const auto& line : fields) {
    if (line.id == FieldId::content_length) {
      // RFC 9110 8.6 permits repeated equal values; they are refused here, so that the framing is
      // unambiguous.
      if (framing.length || line.value.find(',') != std::string_view::npos) {
        framing.refusal = Refusal::several_content_lengths;
        return framing;
      }
      const auto length = parse_digits(line.value);
      if (!length || *length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        framing.refusal = Refusal::bad_content_length;
        return framing;
      }
      framing.length = length;
    } else if (line.id == FieldId::transfer_encoding) {
      transfer_encoding = true;
      std::string_view rest = line.value;
      std::string_view coding;
      bool any = false;
      while (next_element(rest, coding)) {
        any = true;
        const auto name = coding.substr(0, coding.find_first_of("; \t"));
        if (framing.chunked)
          framing.refusal = Refusal::bad_transfer_encoding;  // chunked twice, or not last
        else if (iequals(coding, "chunked") && framing.unknown_coding)
          framing.refusal = Refusal::transfer_coding_not_implemented;
        else if (iequals(coding, "chunked"))
          framing.chunked = true;
        else if (!is_token(name) || iequals(coding.substr(0, 7), "chunked"))
          framing.refusal = Refusal::bad_transfer_encoding;
        else if (is_registered_coding(name))
          framing.refusal = Refusal::transfer_coding_not_implemented;
        else
          framing.unknown_coding = true;
        if (framing.refusal) return framing;
      }
      if (!any) framing.refusal = Refusal::bad_transfer_encoding;
      if (framing.refusal) return framing;
    }
  }
  if (transfer_encoding && minor_version == 0)
    framing.refusal = Refusal::transfer_encoding_in_http10;  // RFC 9112 6.1
  else if (transfer_encoding && framing.length)
    framing.refusal = Refusal::length_with_transfer_encoding;
  return framing;
}

ConnectionFields read_connection(Fields fields, int minor_version) noexcept {
  ConnectionFields connection;
  connection.keep_alive = minor_version == 1;
  bool close = false;
  for (const auto& line : fields) {
    if (line.id != FieldId::connection) continue;
    std::string_view rest = line.value;
    std::string_view option;
    while (next_element(rest, option)) {
      if (iequals(option, "close"))
        close = true;
      else if (iequals(option, "keep-alive"))
        connection.keep_alive = true;
      else if (iequals(option, "upgrade"))
        connection.upgrade = true;
      else
        connection.others = true;
    }
  }
  connection.keep_alive = connection.keep_alive && !close;
  connection.upgrade = connection.upgrade && find(fields, FieldId::upgrade) != nullptr;
  return connection;
}

namespace {

// The field lines of a head that Beast refused, as far as they can be separated.
std::vector<Field> split_lines(std::string_view head) {
  std::vector<Field> fields;
  for (auto rest = head.substr(head.find('\n') + 1); !rest.empty();) {
    const auto line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    fields.push_back({boost::beast::http::string_to_field(name), name, trim(line.substr(colon + 1))});
  }
  return fields;
}

}  // namespace

Refusal explain(const BeastError& error, std::string_view head, int minor_version) {
  namespace beast_http = boost::beast::http;
  const auto fields = split_lines(head);
  // Beast stops at the first invalid line; conflicts between two lines have reasons of their own.
  const bool of_framing = error == beast_http::error::bad_content_length ||
                          error == beast_http::error::multiple_content_length ||
                          error == beast_http::error::bad_transfer_encoding;
  if (of_framing) {
    if (const auto framing = read_framing(fields, minor_version); framing.refusal) return *framing.refusal;
    return Refusal::bad_content_length;
  }
  if (error == beast_http::error::bad_method) return Refusal::bad_method;
  if (error == beast_http::error::bad_target) return Refusal::bad_target;
  if (error == beast_http::error::bad_version) return Refusal::bad_version;
  if (error == beast_http::error::bad_status) return Refusal::bad_status;
  if (error == beast_http::error::bad_value) return Refusal::bad_field_value;
  if (error != beast_http::error::bad_field) return Refusal::bad_start_line;
  for (const auto& line : fields) {
    const bool spaced = line.name.ends_with(' ') || line.name.ends_with('\t');
    if (spaced && is_token(trim(line.name))) return Refusal::space_before_colon;
  }
  return Refusal::bad_field_name;
}

}  // namespace larder::http::detail
