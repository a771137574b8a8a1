// Parses bytes as a request's head, as a response's head, and as a chunked body.
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

// The position at which a head is truncated: two positions per run, one of them determined by the input.
std::size_t cut_of(std::string_view head) {
  std::size_t sum = 0;
  for (const char c : head) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum % head.size();
}

// `read` is read_request or read_response.
template <class Read>
void check_bounds(std::string_view bytes, const http::GateResult& result, Read read) {
  if (result.state == State::refused) {
    fuzz::must(result.refusal && !http::describe(*result.refusal).empty(), "a refusal has a reason");
    for (const std::string_view more : {"x", "\r\n", "\r\nX: 1\r\n\r\n"})
      fuzz::must(read(std::string(bytes).append(more)).state == State::refused,
                 "what is refused stays refused, whatever follows");
  }
  if (result.state == State::need_more)
    fuzz::must(bytes.size() <= limits().head, "nobody waits for more than a head");
  if (result.state != State::complete) return;
  fuzz::must(result.head_size <= bytes.size() && result.head_size <= limits().head,
             "a head lies within the bytes");
  const auto head = bytes.substr(0, result.head_size);
  fuzz::must(head.ends_with("\r\n\r\n"), "and ends with an empty line");
  fuzz::must(read(std::string(head)).head_size == head.size(), "what follows is of no interest");
  for (const auto cut : {cut_of(head), head.size() - 1})
    fuzz::must(read(std::string(head.substr(0, cut))).state == State::need_more,
               "its beginning is neither whole nor refused");
}

void check_fields(const std::vector<http::Field>& fields) {
  for (const auto& line : fields) {
    fuzz::must(http::is_token(line.name), "a field's name is a token");
    fuzz::must(line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
               "no line end or NUL is left in a field");
    fuzz::must(http::trim(line.value) == line.value, "nor white space around it");
  }
}

// The fields that do not describe the connection, the length or the host; those are generated anew.
std::vector<http::Field> end_to_end(const std::vector<http::Field>& fields) {
  std::vector<http::Field> out;
  for (const auto& line : fields) {
    if (http::is_hop_by_hop(line) || line.id == http::FieldId::content_length) continue;
    if (line.id != http::FieldId::host) out.push_back(line);
  }
  return out;
}

std::string written(const std::vector<http::Field>& fields, const http::Framing& framing) {
  std::string out;
  for (const auto& line : fields) out.append(line.name).append(": ").append(line.value).append("\r\n");
  if (framing.kind == http::Framing::Kind::length)
    out += "Content-Length: " + std::to_string(framing.length) + "\r\n";
  if (framing.kind == http::Framing::Kind::chunked) out += "Transfer-Encoding: chunked\r\n";
  return out + "\r\n";
}

bool same_fields(const std::vector<http::Field>& a, const std::vector<http::Field>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.id == other.id && one.name == other.name && one.value == other.value;
  });
}

bool same_framing(const http::Framing& a, const http::Framing& b) {
  return a.kind == b.kind && (a.kind != http::Framing::Kind::length || a.length == b.length);
}

void request(std::string_view bytes) {
  http::RequestHead head;
  const auto result = http::read_request(bytes, limits(), head);
  check_bounds(bytes, result, [](std::string_view other) {
    http::RequestHead read;
    return http::read_request(other, limits(), read);
  });
  if (result.state != State::complete) return;
  fuzz::must(head.path.starts_with('/') || (head.path == "*" && head.method == http::Method::options),
             "a path begins with a slash");
  fuzz::must(head.has_query || head.query.empty(), "no query where there is none");
  fuzz::must(head.minor_version == 0 || !head.authority.empty(), "HTTP/1.1 has a host");
  fuzz::must(head.framing.kind != http::Framing::Kind::until_close, "a request's body has an end");
  check_fields(head.fields);

  // A head that is written from its parsed views is parsed to the same head: it has only one meaning.
  std::string again(head.method_name);
  again.append(" ").append(head.path);
  if (head.has_query) again.append("?").append(head.query);
  again += head.minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  if (!head.authority.empty()) again.append("Host: ").append(head.authority).append("\r\n");
  const auto fields = end_to_end(head.fields);
  again += written(fields, head.framing);
  http::RequestHead read;
  const http::Limits wide;
  fuzz::must(http::read_request(again, wide, read).state == State::complete,
             "what was let through is let through again");
  fuzz::must(read.method == head.method && read.method_name == head.method_name, "with its method");
  fuzz::must(read.path == head.path && read.query == head.query && read.has_query == head.has_query,
             "its target");
  fuzz::must(read.authority == head.authority, "its host");
  fuzz::must(same_fields(end_to_end(read.fields), fields), "its fields");
  fuzz::must(same_framing(read.framing, head.framing), "and its framing");
}

void response(std::string_view bytes) {
  for (const auto method : {http::Method::get, http::Method::head}) {
    http::ResponseHead head;
    const auto result = http::read_response(bytes, limits(), method, head);
    check_bounds(bytes, result, [&](std::string_view other) {
      http::ResponseHead read;
      return http::read_response(other, limits(), method, read);
    });
    if (result.state != State::complete) continue;
    fuzz::must(head.status >= 100 && head.status <= 599, "a status is a status");
    fuzz::must(method != http::Method::head || head.framing.kind == http::Framing::Kind::none,
               "no body answers a HEAD");
    fuzz::must(!head.keep_alive || head.framing.kind != http::Framing::Kind::until_close,
               "what ends with the connection does not keep it");
    check_fields(head.fields);
    std::string again = head.minor_version == 1 ? "HTTP/1.1 " : "HTTP/1.0 ";
    again.append(std::to_string(head.status)).append(" ").append(head.reason).append("\r\n");
    const auto fields = end_to_end(head.fields);
    again += written(fields, head.framing);
    http::ResponseHead read;
    const http::Limits wide;
    fuzz::must(http::read_response(again, wide, method, read).state == State::complete,
               "what was let through is let through again");
    fuzz::must(read.status == head.status && read.reason == head.reason, "with its status");
    fuzz::must(same_fields(end_to_end(read.fields), fields), "its fields");
    fuzz::must(same_framing(read.framing, head.framing), "and its framing");
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
  if (body.refused) body.consumed = 0;  // the position at which it was refused may differ
  return body;
}

// Encodes bytes in chunks of 1, 2, 3, ... bytes.
std::string in_chunks(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (std::size_t size = 1; !bytes.empty(); ++size) {
    const auto piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    out += hex[piece.size() >> 8u & 0xFu];
    out += hex[piece.size() >> 4u & 0xFu];
    out += hex[piece.size() & 0xFu];
    out.append("\r\n").append(piece).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  request(bytes);
  response(bytes);
  fuzz::must(chunked(bytes, bytes.size() + 1) == chunked(bytes, 1),
             "a chunked body reads the same, whole or byte by byte");
  const auto coded = in_chunks(bytes);
  const auto body = chunked(coded + "GET / HTTP/1.1\r\n", coded.size() + 5);
  fuzz::must(body.done && body.data == bytes && body.consumed == coded.size(),
             "what is sent in chunks is read back, and nothing behind it");
  return 0;
}
