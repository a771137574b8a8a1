// Bytes as a request's head, as a response's, and as a chunked body.
#include "http/gate.hpp"

#include "http/chunked.hpp"
#include "support.hpp"

#include <algorithm>

using namespace larder;
using State = http::GateResult::State;

namespace {

http::Limits limits() {
  http::Limits small;
  small.head = 2048;
  small.field = 1024;
  small.fields = 32;
  return small;
}

void request(std::string_view bytes) {
  http::RequestHead head;
  const auto result = http::read_request(bytes, limits(), head);
  if (result.state == State::refused) {
    // What is refused stays refused, whatever follows.
    http::RequestHead again;
    const auto more = std::string(bytes) + "\r\nX: 1\r\n\r\n";
    fuzz::must(
        http::read_request(more, limits(), again).state != State::complete || result.refusal.has_value(),
        "a refusal has a reason");
    return;
  }
  if (result.state != State::complete) return;
  fuzz::must(result.head_size <= bytes.size(), "a head lies within the bytes");
  fuzz::must(head.path.starts_with('/') || head.path == "*", "a path begins with a slash");
  fuzz::must(head.minor_version == 0 || !head.authority.empty(), "HTTP/1.1 has a host");
  for (const auto& line : head.fields) {
    fuzz::must(!line.name.empty() &&
                   line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
               "no line end or NUL is left in a field");
  }
  // Written out again from its own views it is read the same: nothing in it has two meanings.
  std::string written(head.method_name);
  written.append(" ").append(head.path);
  if (head.has_query) written.append("?").append(head.query);
  written += head.minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  bool host = false;
  for (const auto& line : head.fields) {
    host = host || line.id == http::FieldId::host;
    if (http::is_hop_by_hop(line) || line.id == http::FieldId::content_length) continue;
    written.append(line.name).append(": ").append(line.value).append("\r\n");
  }
  if (!host && !head.authority.empty()) written.append("Host: ").append(head.authority).append("\r\n");
  if (head.framing.kind == http::Framing::Kind::length)
    written += "Content-Length: " + std::to_string(head.framing.length) + "\r\n";
  if (head.framing.kind == http::Framing::Kind::chunked) written += "Transfer-Encoding: chunked\r\n";
  written += "\r\n";
  http::RequestHead again;
  http::Limits wide;
  fuzz::must(http::read_request(written, wide, again).state == State::complete,
             "what was let through is let through again");
  fuzz::must(again.path == head.path && again.query == head.query && again.has_query == head.has_query,
             "with its target");
  fuzz::must(again.framing.kind == head.framing.kind && again.framing.length == head.framing.length,
             "and its framing");
}

void response(std::string_view bytes) {
  for (const auto method : {http::Method::get, http::Method::head}) {
    http::ResponseHead head;
    const auto result = http::read_response(bytes, limits(), method, head);
    if (result.state != State::complete) continue;
    fuzz::must(result.head_size <= bytes.size() && head.status >= 100 && head.status <= 599,
               "a status is a status");
    fuzz::must(method != http::Method::head || head.framing.kind == http::Framing::Kind::none,
               "no body answers a HEAD");
  }
}

struct Body {
  std::string data;
  std::size_t consumed = 0;
  bool done = false;
  bool refused = false;
  bool operator==(const Body&) const = default;
};

Body chunked(std::string_view bytes, std::size_t piece) {
  http::ChunkedReader reader(limits());
  Body body;
  while (body.consumed < bytes.size() && !body.done && !body.refused) {
    auto input = bytes.substr(body.consumed, piece);
    while (!input.empty() && !body.done && !body.refused) {
      const auto step = reader.feed(input);
      fuzz::must(step.consumed > 0 || step.state == http::ChunkedReader::Step::State::refused,
                 "a step goes on");
      body.data += step.data;
      body.consumed += step.consumed;
      input.remove_prefix(step.consumed);
      body.done = step.state == http::ChunkedReader::Step::State::done;
      body.refused = step.state == http::ChunkedReader::Step::State::refused;
    }
  }
  if (body.refused) body.consumed = 0;  // where in the piece it was noticed is of no interest
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  request(bytes);
  response(bytes);
  fuzz::must(chunked(bytes, bytes.size() + 1) == chunked(bytes, 1),
             "a chunked body reads the same, whole or byte by byte");
  return 0;
}
