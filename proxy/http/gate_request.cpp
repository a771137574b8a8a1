#include "http/gate.hpp"
#include "http/head_reader.hpp"
#include "http/host.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

namespace {

using State = GateResult::State;

GateResult refused(Refusal reason) noexcept {
  return {State::refused, 0, reason};
}

std::string_view first_line(std::string_view head) noexcept {
  return head.substr(0, head.find('\r'));
}

// Distinguishes a well-formed but unsupported version from a malformed one (RFC 9112 2.3).
bool is_other_version(std::string_view line) noexcept {
  if (line.size() < 8) return false;
  const auto version = line.substr(line.size() - 8);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.starts_with("HTTP/") && digit(version[5]) && version[6] == '.' && digit(version[7]);
}

// Checks the lengths of the request line's parts before Beast parses it.
std::optional<Refusal> check_request_line(std::string_view line, const Limits& limits) noexcept {
  const auto method = line.substr(0, line.find(' '));
  if (!is_token(method)) return Refusal::bad_method;
  if (method.size() > limits.method) return Refusal::method_too_long;
  if (method.size() == line.size()) return Refusal::bad_start_line;
  const auto rest = line.substr(method.size() + 1);
  const auto target = rest.substr(0, rest.find(' '));
  if (target.size() > limits.target) return Refusal::target_too_long;
  if (target.empty()) return Refusal::bad_start_line;
  if (target.size() == rest.size()) return Refusal::bad_version;  // HTTP/0.9 has no version
  const auto version = rest.substr(target.size() + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return is_other_version(version) && version.size() == 8 ? Refusal::version_not_supported
                                                            : Refusal::bad_version;
  }
  return std::nullopt;
}

// RFC 3986: printable ASCII without spaces; a fragment must not be sent (RFC 9112 3.2). Non-ASCII bytes are
// accepted here and checked by encode_beyond_ascii.
bool is_target(std::string_view target, bool& beyond_ascii) noexcept {
  bool fine = true;
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    beyond_ascii = beyond_ascii || byte >= 0x80;
    fine = fine && byte > 0x20 && byte != 0x7F && byte != '#';
  }
  return fine;
}

void split_query(std::string_view target, RequestHead& out) noexcept {
  const auto mark = target.find('?');
  out.path = target.substr(0, mark);
  out.has_query = mark != std::string_view::npos;
  out.query = out.has_query ? target.substr(mark + 1) : std::string_view();
}

// The scheme and authority of an absolute-form target; the authority is empty for other forms.
struct Absolute {
  std::string_view authority;
  Scheme scheme = Scheme::http;
};

// RFC 9112 3.2: origin-form, absolute-form, or asterisk-form with OPTIONS.
std::optional<Refusal> read_target(RequestHead& out, const Limits& limits, Absolute& absolute) {
  if (out.method_name == "CONNECT") return Refusal::method_not_implemented;
  bool beyond_ascii = false;
  if (!is_target(out.target, beyond_ascii)) return Refusal::bad_target;
  out.encoded_target.reset();
  out.scheme.reset();
  if (beyond_ascii) {
    auto encoded = encode_beyond_ascii(out.target);
    if (!encoded) return Refusal::bad_target;
    out.encoded_target = std::make_shared<const std::string>(std::move(*encoded));
    if (out.encoded_target->size() > limits.target) return Refusal::target_too_long;
  }
  auto target = beyond_ascii ? std::string_view(*out.encoded_target) : out.target;
  if (target == "*") {
    if (out.method != Method::options) return Refusal::bad_target;
    out.path = target;
    out.query = {};
    out.has_query = false;
    return std::nullopt;
  }
  if (target.starts_with('/')) {
    split_query(target, out);
    return std::nullopt;
  }
  for (const auto scheme : {Scheme::http, Scheme::https}) {
    const auto name = name_of(scheme);
    if (target.size() <= name.size() + 3 || !iequals(target.substr(0, name.size()), name)) continue;
    if (target.substr(name.size(), 3) != "://") continue;
    target.remove_prefix(name.size() + 3);
    const auto end = target.find_first_of("/?");
    absolute = {target.substr(0, end), scheme};
    out.scheme = scheme;
    if (!is_authority(absolute.authority)) return Refusal::bad_target;
    // RFC 9112 3.2.1: an empty path is forwarded as "/".
    split_query(end == std::string_view::npos ? std::string_view("/") : target.substr(end), out);
    if (out.path.empty()) out.path = "/";
    return std::nullopt;
  }
  return Refusal::bad_target;
}

std::optional<Refusal> read_host(RequestHead& out, const Absolute& absolute) {
  const auto* host = find(out.fields, FieldId::host);
  if (host == nullptr) {
    if (out.minor_version == 1) return Refusal::missing_host;  // RFC 9112 3.2
    out.authority = absolute.authority;
    return std::nullopt;
  }
  if (count(out.fields, FieldId::host) > 1) return Refusal::several_hosts;
  if (!is_authority(host->value)) return Refusal::bad_host;
  if (!absolute.authority.empty() && !same_authority(absolute.authority, host->value, absolute.scheme))
    return Refusal::host_mismatch;
  out.authority = host->value;
  return std::nullopt;
}

std::optional<Refusal> read_expect(RequestHead& out) noexcept {
  out.expect_continue = false;
  if (out.minor_version == 0) return std::nullopt;  // RFC 9110 10.1.1
  for (const auto& line : out.fields) {
    if (line.id != FieldId::expect) continue;
    for (std::string_view rest = line.value, expectation; next_element(rest, expectation);) {
      if (!iequals(expectation, "100-continue")) return Refusal::expectation_failed;
      out.expect_continue = true;
    }
  }
  return std::nullopt;
}

// RFC 9110 7.6.1: a field that Connection lists applies to this hop only. It is removed before policy reads
// the fields, because the API never receives it and its response cannot depend on it.
void drop_listed(std::vector<Field>& fields) {
  std::vector<Field> kept;
  kept.reserve(fields.size());
  for (const auto& line : fields) {
    if (is_hop_by_hop(line) || !list_has(fields, FieldId::connection, line.name)) kept.push_back(line);
  }
  fields = std::move(kept);
}

std::optional<Refusal> interpret(RequestHead& out, const Limits& limits) {
  Absolute absolute;
  if (const auto reason = read_target(out, limits, absolute)) return reason;
  const auto framing = detail::read_framing(out.fields, out.minor_version);
  if (framing.refusal) return framing.refusal;
  if (framing.unknown_coding) return Refusal::transfer_coding_not_implemented;
  if (const auto reason = read_host(out, absolute)) return reason;
  if (const auto reason = read_expect(out)) return reason;
  out.framing = {};
  if (framing.chunked)
    out.framing.kind = Framing::Kind::chunked;
  else if (framing.length)
    out.framing = {Framing::Kind::length, *framing.length};
  const auto connection = detail::read_connection(out.fields, out.minor_version);
  out.keep_alive = connection.keep_alive;
  out.upgrade = connection.upgrade && out.minor_version == 1;  // RFC 9110 7.8
  if (connection.others) drop_listed(out.fields);
  return std::nullopt;
}

}  // namespace

bool is_for_head(std::string_view bytes) noexcept {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);  // RFC 9112 2.2
  return bytes.starts_with("HEAD ");
}

GateResult read_request(std::string_view bytes, const Limits& limits, RequestHead& out) {
  const auto line_limit = limits.method + limits.target + 16;
  const auto bounds = detail::find_head(bytes, limits, Refusal::target_too_long, line_limit);
  if (bounds.state == State::refused && bounds.refusal == Refusal::target_too_long) {
    // Without a space near the front, the long line is not a method followed by a target.
    const bool has_method =
        bytes.substr(bounds.skipped, limits.method + 1).find(' ') != std::string_view::npos;
    return refused(has_method ? Refusal::target_too_long : Refusal::bad_start_line);
  }
  if (bounds.state == State::refused) return refused(*bounds.refusal);
  if (bounds.state == State::need_more) return {};

  const auto head = bytes.substr(bounds.skipped, bounds.size - bounds.skipped);
  if (const auto reason = check_request_line(first_line(head), limits)) return refused(*reason);
  out.fields.clear();
  detail::HeadParser<true> parser(limits, out.fields);
  detail::BeastError error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (parser.refusal) return refused(*parser.refusal);
  if (error) return refused(detail::explain(error, head, parser.version - 10));
  if (!parser.is_header_done()) return refused(Refusal::bad_start_line);
  out.method = parser.method;
  out.method_name = parser.method_name;
  out.target = parser.target;
  out.minor_version = parser.version - 10;
  out.dropped_field = parser.dropped;
  if (const auto reason = interpret(out, limits)) return refused(*reason);
  return {State::complete, bounds.size, std::nullopt};
}

}  // namespace larder::http
