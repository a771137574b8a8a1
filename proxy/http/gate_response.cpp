#include "http/coding.hpp"
#include "http/gate.hpp"
#include "http/head_reader.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

namespace {

using State = GateResult::State;

GateResult refused(Refusal reason) noexcept {
  return {State::refused, 0, reason};
}

constexpr std::size_t max_status_line = 1024;  // bytes; fixed, as reason phrases are short

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::optional<Refusal> check_status_line(std::string_view line) noexcept {
  if (!line.starts_with("HTTP/")) return Refusal::bad_start_line;
  const auto version = line.substr(0, line.find(' '));
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool formed =
        version.size() == 8 && is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    return formed ? Refusal::version_not_supported : Refusal::bad_version;
  }
  const auto rest = line.substr(std::min(line.size(), version.size() + 1));
  const auto code = rest.substr(0, rest.find(' '));
  if (code.size() != 3 || !is_digit(code[0]) || !is_digit(code[1]) || !is_digit(code[2]))
    return Refusal::bad_status;
  if (code[0] < '1' || code[0] > '5') return Refusal::bad_status;  // RFC 9110 15
  return std::nullopt;
}

// RFC 9112 4: some servers omit the space before an empty reason phrase, but Beast requires it.
constexpr std::size_t size_without_phrase = std::string_view("HTTP/1.1 200").size();

// Parses the start line and the fields into `out`.
std::optional<Refusal> parse(std::string_view head, const Limits& limits, ResponseHead& out) {
  out.fields.clear();
  detail::HeadParser<false> parser(limits, out.fields);
  parser.skip(true);  // Beast need not handle the body
  detail::BeastError error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (parser.refusal) return parser.refusal;
  if (error) return detail::explain(error, head, parser.version - 10);
  if (!parser.is_header_done()) return Refusal::bad_start_line;
  out.status = parser.status;
  out.reason = parser.reason;
  out.minor_version = parser.version - 10;
  return std::nullopt;
}

// Parses a copy with the space inserted, then moves the views in `out` back to the received bytes.
std::optional<Refusal> parse_without_phrase(std::string_view head, const Limits& limits, ResponseHead& out) {
  std::string completed(head);
  completed.insert(size_without_phrase, 1, ' ');
  if (const auto reason = parse(completed, limits, out)) return reason;
  const auto received = [&](std::string_view text) {
    const auto at = static_cast<std::size_t>(text.data() - completed.data());
    return head.substr(at - 1, text.size());
  };
  out.reason = {};
  for (auto& line : out.fields) {
    line.name = received(line.name);
    line.value = line.value.empty() ? std::string_view() : received(line.value);
  }
  return std::nullopt;
}

// RFC 9110 8.4.1: `identity` is not a coding and should not be used in Content-Encoding.
void drop_identity(std::vector<Field>& fields) {
  std::erase_if(fields, [](const Field& line) {
    return line.id == FieldId::content_encoding && !is_coded({&line, 1});
  });
}

// RFC 9112 6.3.
std::optional<Refusal> frame(Method request_method, ResponseHead& out) noexcept {
  const auto framing = detail::read_framing(out.fields, out.minor_version);
  if (framing.refusal) return framing.refusal;
  out.framing = {};
  const bool bodiless =
      request_method == Method::head || out.status < 200 || out.status == 204 || out.status == 304;
  if (bodiless) return std::nullopt;
  // A body with only an unknown transfer coding ends with the connection (6.3). The coding is otherwise
  // ignored, and the field is not forwarded (RFC 9110 7.6.1).
  if (framing.chunked)
    out.framing.kind = Framing::Kind::chunked;
  else if (framing.length)
    out.framing = {Framing::Kind::length, *framing.length};
  else
    out.framing.kind = Framing::Kind::until_close;
  return std::nullopt;
}

}  // namespace

GateResult read_response(std::string_view bytes, const Limits& limits, Method request_method,
                         ResponseHead& out) {
  if (bytes.starts_with('\r'))
    return refused(Refusal::bad_start_line);  // an empty line is allowed only before a request
  const auto bounds = detail::find_head(bytes, limits, Refusal::bad_start_line, max_status_line);
  if (bounds.state == State::refused) return refused(*bounds.refusal);
  if (bounds.state == State::need_more) return {};

  const auto head = bytes.substr(0, bounds.size);
  const auto line = head.substr(0, head.find('\r'));
  if (const auto reason = check_status_line(line)) return refused(*reason);
  const auto parsed =
      line.size() == size_without_phrase ? parse_without_phrase(head, limits, out) : parse(head, limits, out);
  if (parsed) return refused(*parsed);
  if (const auto reason = frame(request_method, out)) return refused(*reason);
  const auto connection = detail::read_connection(out.fields, out.minor_version);
  out.keep_alive = connection.keep_alive && out.framing.kind != Framing::Kind::until_close;
  out.upgrade = connection.upgrade && out.status == 101;
  drop_identity(out.fields);
  return {State::complete, bounds.size, std::nullopt};
}

}  // namespace larder::http
