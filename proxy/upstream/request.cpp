#include "upstream/request.hpp"

#include "http/max_forwards.hpp"
#include "http/text.hpp"

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

struct Seen {
  std::string forwarded_for;
  bool forwarded_proto = false;
  bool forwarded_host = false;
};

// Whether a line goes on as it is; what is said anew further down is noted in `seen`.
bool passes(const http::Field& line, const http::RequestHead& head, const RequestOptions& options,
            Seen& seen) {
  switch (line.id) {
    case FieldId::host:
    case FieldId::content_length:
    case FieldId::upgrade:
    case FieldId::expect:  // said anew, once
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
  if (http::has_name(line, "X-Forwarded-For")) {
    if (!seen.forwarded_for.empty()) seen.forwarded_for += ", ";
    seen.forwarded_for += line.value;
    return false;
  }
  if (options.without_trace && (http::has_name(line, "traceparent") || http::has_name(line, "tracestate")))
    return false;
  if (options.without_request_id && http::has_name(line, "X-Request-ID")) return false;
  if (http::has_name(line, "X-Forwarded-Proto")) seen.forwarded_proto = true;
  if (http::has_name(line, "X-Forwarded-Host")) seen.forwarded_host = true;
  return true;
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
  out.append(options.as_get ? std::string_view("GET") : head.method_name).append(" ").append(head.path);
  const bool has_query = options.query ? !options.query->empty() : head.has_query;
  if (has_query) out.append("?").append(options.query.value_or(head.query));
  out.append(" HTTP/1.1\r\n");
  const auto host = head.authority.empty() ? options.fallback_authority : head.authority;
  add("Host", host, out);

  Seen seen;
  for (const auto& line : head.fields) {
    if (passes(line, head, options, seen)) add(line.name, line.value, out);
  }
  if (!options.client_address.empty()) {
    if (!seen.forwarded_for.empty()) seen.forwarded_for += ", ";
    seen.forwarded_for += options.client_address;
  }
  if (!seen.forwarded_for.empty()) add("X-Forwarded-For", seen.forwarded_for, out);
  if (!seen.forwarded_proto) add("X-Forwarded-Proto", "http", out);
  if (!seen.forwarded_host) add("X-Forwarded-Host", host, out);
  add("Via", head.minor_version == 1 ? "1.1 larder" : "1.0 larder", out);
  if (options.identity) add("Accept-Encoding", "identity", out);
  if (!options.if_none_match.empty()) add("If-None-Match", options.if_none_match, out);
  if (!options.if_modified_since.empty()) add("If-Modified-Since", options.if_modified_since, out);
  if (!options.range.empty()) add("Range", options.range, out);
  if (!options.if_range.empty()) add("If-Range", options.if_range, out);
  // RFC 9110 7.6.2. Zero does not come here: such a request is answered, not forwarded.
  if (const auto left = http::forwards_left(head.method, head.fields); left && *left > 0)
    add("Max-Forwards", std::to_string(*left - 1), out);
  if (options.with_expect && head.expect_continue) add("Expect", "100-continue", out);
  out.append(options.more);
  if (options.with_body) write_framing(head, out);
  if (options.with_upgrade) {
    add("Connection", "upgrade", out);
    for (const auto& line : head.fields) {
      if (line.id == FieldId::upgrade) add("Upgrade", line.value, out);
    }
  }
  out.append("\r\n");
}

}  // namespace larder::upstream
