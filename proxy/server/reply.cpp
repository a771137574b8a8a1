#include "server/reply.hpp"

#include "http/body_fields.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace larder::server {

namespace {

using http::FieldId;
using http::Fields;

void append_number(std::uint64_t value, std::string& out) {
  std::array<char, 24> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void add(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void add_length(std::uint64_t length, std::string& out) {
  out += "Content-Length: ";
  append_number(length, out);
  out += "\r\n";
}

void status_line(int status, std::string_view reason, std::string& out) {
  out.assign("HTTP/1.1 ");
  append_number(static_cast<std::uint64_t>(status), out);
  out.append(" ").append(reason).append("\r\n");
}

// Every field that is not of the upstream connection alone (RFC 9110 7.6.1).
void end_to_end_fields(const http::ResponseHead& head, bool with_length, std::string_view entity_tag,
                       std::string& out) {
  const bool connection_lists = http::find(head.fields, FieldId::connection) != nullptr;
  for (const auto& line : head.fields) {
    if (http::is_hop_by_hop(line)) continue;
    if (line.id == FieldId::content_length && !with_length) continue;
    if (connection_lists && http::list_has(head.fields, FieldId::connection, line.name)) continue;
    if (line.id == FieldId::content_length) {
      // The gate has read it as a number; zeros in front of it do not go on.
      add_length(http::parse_digits(line.value).value_or(0), out);
      continue;
    }
    add(line.name, line.id == FieldId::etag && !entity_tag.empty() ? entity_tag : line.value, out);
  }
}

std::string_view via(const http::ResponseHead& head) noexcept {
  return head.minor_version == 1 ? "1.1 larder" : "1.0 larder";
}

}  // namespace

void append_connection(const Persistence& persistence, std::string& out) {
  if (!persistence.keep_alive)
    out += "Connection: close\r\n";
  else if (persistence.minor_version == 0)
    out += "Connection: keep-alive\r\n";
  if (!persistence.hsts.empty()) out += persistence.hsts;
}

// One append: this is part of every hit.
void append_age_line(Millis age, std::string& out) {
  std::array<char, 32> line{'A', 'g', 'e', ':', ' '};
  const auto seconds = std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(age).count());
  auto* end = std::to_chars(line.data() + 5, line.data() + line.size() - 2, seconds).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(line.data(), end);
}

void append_cache_status_line(const policy::Outcome& outcome, std::string_view key, std::string& out) {
  out += "Cache-Status: ";
  policy::append_cache_status(outcome, key, out);
  out += "\r\n";
}

void write_forwarded_head(const http::ResponseHead& head, std::string_view entity_tag,
                          const http::Framing& framing, bool answers_head, const policy::Outcome& outcome,
                          std::string_view key, std::string_view request_id, const Persistence& persistence,
                          std::string& out) {
  status_line(head.status, head.reason, out);
  // Without a body to frame, Content-Length says what a GET would have; a 204 has none (RFC 9110 8.6).
  const bool bodiless = answers_head || head.status == 304;
  end_to_end_fields(head, bodiless && head.status != 204, entity_tag, out);
  add("Via", via(head), out);
  if (!request_id.empty() && http::find(head.fields, "X-Request-ID") == nullptr)
    add("X-Request-ID", request_id, out);
  append_cache_status_line(outcome, key, out);
  if (!bodiless && framing.kind == http::Framing::Kind::length) {
    add_length(framing.length, out);
  } else if (framing.kind == http::Framing::Kind::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  append_connection(persistence, out);
  out += "\r\n";
}

std::string content_range(const http::ByteRange& range, std::optional<std::uint64_t> complete) {
  return fmt::format("bytes {}-{}/{}", range.first, range.last, complete ? std::to_string(*complete) : "*");
}

store::MadeHead make_part_head(const store::HeadView& stored, std::string_view content_range,
                               std::uint64_t size) {
  store::HeadBuilder builder(206, "Partial Content", false);
  for (const auto& [line, is_own, in_304] : stored) {
    // RFC 9530 2: a content digest is of one message, and a part is another message.
    if (line.id != FieldId::content_length && !http::is_content_digest(line.name))
      builder.add(line, is_own, false);
  }
  builder.add({FieldId::content_range, "Content-Range", content_range}, true, false);
  builder.add({FieldId::content_length, "Content-Length", std::to_string(size)}, true, false);
  store::MadeHead made;
  builder.finish(made);
  return made;
}

store::MadeHead make_tagged_head_304(const store::HeadView& stored, std::string_view entity_tag) {
  store::HeadBuilder builder(304, "Not Modified", true);
  for (const auto& [line, is_own, in_304] : stored) {
    if (in_304 && line.id != FieldId::etag) builder.add(line, is_own, true);
  }
  builder.add({FieldId::etag, "ETag", entity_tag}, true, true);
  store::MadeHead made;
  builder.finish(made);
  return made;
}

store::MadeHead make_unsatisfiable_head(std::optional<std::uint64_t> complete) {
  store::HeadBuilder builder(416, reason_of(416), false);
  if (complete)
    builder.add({FieldId::content_range, "Content-Range", fmt::format("bytes */{}", *complete)}, true, false);
  builder.add({FieldId::via, "Via", "1.1 larder"}, true, false);
  builder.add({FieldId::content_length, "Content-Length", "0"}, true, false);
  store::MadeHead made;
  builder.finish(made);
  return made;
}

void write_upgrade_head(const http::ResponseHead& head, std::string& out) {
  status_line(head.status, head.reason, out);
  end_to_end_fields(head, false, {}, out);
  add("Via", via(head), out);
  add("Connection", "upgrade", out);
  for (const auto& line : head.fields) {
    if (line.id == FieldId::upgrade) add("Upgrade", line.value, out);
  }
  out += "\r\n";
}

namespace {

// A response of larder's own, with `more` after its length.
OwnReply make_own(int status, std::string_view content_type, std::string body, Fields more) {
  OwnReply made;
  made.status = status;
  store::HeadBuilder builder(status, reason_of(status), false);
  if (!content_type.empty()) builder.add({FieldId::content_type, "Content-Type", content_type}, true, false);
  builder.add({FieldId::cache_control, "Cache-Control", "no-store"}, true, false);
  builder.add({FieldId::content_length, "Content-Length", std::to_string(body.size())}, true, false);
  for (const auto& line : more) builder.add(line, true, false);
  builder.add({FieldId::via, "Via", "1.1 larder"}, true, false);
  builder.finish(made.head);
  made.body = std::move(body);
  return made;
}

}  // namespace

Reply OwnReply::reply(const policy::Outcome* outcome, bool answers_head) const noexcept {
  Reply view;
  view.status = status;
  view.head = head.text;
  view.fields = head.view();
  view.outcome = outcome;
  if (!answers_head) view.body = body;
  return view;
}

OwnReply make_problem(const Problem& problem) {
  std::string body = R"({"type":"about:blank","title":")";
  append_json(reason_of(problem.status), body);
  body += R"(","status":)";
  append_number(static_cast<std::uint64_t>(problem.status), body);
  body += R"(,"detail":")";
  append_json(problem.detail, body);
  body += "\"}\n";
  const auto seconds = std::to_string(problem.retry_after.value_or(0));
  const http::Field retry_after{FieldId::retry_after, "Retry-After", seconds};
  return make_own(problem.status, "application/problem+json", std::move(body),
                  problem.retry_after ? Fields(&retry_after, 1) : Fields());
}

void write_redirect(std::string_view location, const policy::Outcome& outcome, std::string& out) {
  const http::Field to{FieldId::location, "Location", location};
  out = make_own(308, {}, {}, Fields(&to, 1)).head.text;
  append_cache_status_line(outcome, {}, out);
  append_connection({false, 1}, out);
  out += "\r\n";
}

OwnReply make_final_answer(std::string_view content_type, std::string body) {
  return make_own(200, content_type, std::move(body), {});
}

policy::Outcome refused() noexcept {
  policy::Outcome outcome;
  outcome.detail = policy::Detail::refused;
  return outcome;
}

void write_problem(const Problem& problem, bool answers_head, const Persistence& persistence,
                   const policy::Outcome* outcome, std::string& out) {
  const auto made = make_problem(problem);
  out = made.head.text;
  if (outcome != nullptr) append_cache_status_line(*outcome, {}, out);
  append_connection(persistence, out);
  out += "\r\n";
  if (!answers_head) out += made.body;
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 508:
      return "Loop Detected";
    default:
      return "";
  }
}

void append_json(std::string_view text, std::string& out) {
  constexpr std::string_view hex = "0123456789abcdef";
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    const auto length = http::utf8_length(text);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += hex[c >> 4u];
      out += hex[c & 0xFu];
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
}

}  // namespace larder::server
