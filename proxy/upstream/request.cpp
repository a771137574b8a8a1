#include "upstream/request.hpp"

#include "http/max_forwards.hpp"
#include "http/text.hpp"
#include "policy/forwarded.hpp"

namespace larder::upstream {

namespace {

using http::FieldId;

void add(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool is_condition(const http::Field& line) noexcept {
  switch (line.id) {
    case FieldId::if_match:
    case FieldId::if_none_match:
    case FieldId::if_modified_since:
    case FieldId::if_unmodified_since:
      return true;
    default:
      return false;
  }
}

bool names_tags(const http::Field& line) noexcept {
  return line.id == FieldId::if_match || line.id == FieldId::if_none_match || line.id == FieldId::if_range;
}

// Whether a line is forwarded unchanged.
bool passes(const http::Field& line, const http::RequestHead& head, const RequestOptions& options) {
  switch (line.id) {
    case FieldId::host:
    case FieldId::content_length:
    case FieldId::upgrade:
    case FieldId::expect:          // generated once
    case FieldId::http2_settings:  // for an upgrade to h2c, which is not forwarded (RFC 9113 3.1)
      return false;
    case FieldId::accept_encoding:
      return !options.identity;
    case FieldId::max_forwards:
      return !http::forwards_left(head.method, head.fields);
    default:
      break;
  }
  if (http::is_hop_by_hop(line)) return false;
  if (options.without_conditions && is_condition(line)) return false;
  if (options.without_range && (line.id == FieldId::range || line.id == FieldId::if_range)) return false;
  if (options.without_directives && (line.id == FieldId::cache_control || line.id == FieldId::pragma))
    return false;
  if (http::has_name(line, "X-Forwarded-For")) return false;  // generated, with the peer appended
  if (options.without_trace && (http::has_name(line, "traceparent") || http::has_name(line, "tracestate")))
    return false;
  return !(options.without_request_id && http::has_name(line, "X-Request-ID"));
}

void write_framing(const http::RequestHead& head, std::string& out) {
  switch (head.framing.kind) {
    case http::Framing::Kind::length:
      add("Content-Length", std::to_string(head.framing.length), out);
      break;
    case http::Framing::Kind::chunked:
      add("Transfer-Encoding", "chunked", out);
      break;
    default:
      break;
  }
}

}  // namespace

void write_request(const http::RequestHead& head, const RequestOptions& options, std::string& out) {
  out.clear();
  out.append(options.as_get ? std::string_view("GET") : head.method_name).append(" ");
  if (!options.target.empty()) {
    out.append(options.target);
  } else {
    out.append(head.path);
    if (head.has_query) out.append("?").append(head.query);
  }
  out.append(" HTTP/1.1\r\n");
  add("Host", options.host, out);
  for (const auto& line : head.fields) {
    if (!passes(line, head, options)) continue;
    if (options.tags != nullptr && names_tags(line))
      add(line.name, options.tags->translate(line.value), out);
    else
      add(line.name, line.value, out);
  }
  policy::append_forwarded_fields(head.fields, options.arrival, options.host, out);
  add("Via",
      options.arrival.is_http_2 ? "2 larder"
      : head.minor_version == 1 ? "1.1 larder"
                                : "1.0 larder",
      out);
  if (options.identity) add("Accept-Encoding", "identity", out);
  if (!options.if_none_match.empty()) add("If-None-Match", options.if_none_match, out);
  if (!options.if_modified_since.empty()) add("If-Modified-Since", options.if_modified_since, out);
  if (!options.range.empty()) add("Range", options.range, out);
  if (!options.if_range.empty()) add("If-Range", options.if_range, out);
  // RFC 9110 7.6.2. A request with 0 is not forwarded, so it does not occur here.
  if (const auto left = http::forwards_left(head.method, head.fields); left && *left > 0)
    add("Max-Forwards", std::to_string(*left - 1), out);
  if (options.with_expect && head.expect_continue) add("Expect", "100-continue", out);
  out.append(options.more);
  if (options.with_body) write_framing(head, out);
  if (!options.upgrade.empty()) {
    add("Connection", "upgrade", out);
    add("Upgrade", options.upgrade, out);
  }
  out.append("\r\n");
}

}  // namespace larder::upstream
