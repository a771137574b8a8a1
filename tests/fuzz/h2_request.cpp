// The fields of an HTTP/2 request: what is accepted has the meaning in HTTP/1 that it had in HTTP/2.
#include "http/h2_request.hpp"

#include "http/text.hpp"
#include "support.hpp"

using namespace larder;

namespace {

// A name and a value for each two lines.
std::vector<std::pair<std::string_view, std::string_view>> fields_of(std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  while (!text.empty()) {
    const auto next = [&text] {
      const auto end = text.find('\1');
      const auto part = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      return part;
    };
    const auto name = next();
    fields.emplace_back(name, next());
  }
  return fields;
}

std::string_view value_of(const std::vector<std::pair<std::string_view, std::string_view>>& fields,
                          std::string_view name) {
  for (const auto& field : fields)
    if (field.first == name) return field.second;
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool ends = (data[0] & 1u) != 0;
  const auto fields = fields_of({reinterpret_cast<const char*>(data) + 1, size - 1});
  http::H2Request request;
  const http::Limits limits;
  for (const auto& [name, value] : fields) (void)request.add(name, value, limits);
  if (request.finish(ends) != http::H2Request::Fault::none) return 0;

  http::RequestHead head;
  const auto text = request.text();
  const auto result = http::read_request(text, limits, head);
  fuzz::must(result.state != http::GateResult::State::need_more, "the text is a whole head");
  if (result.state != http::GateResult::State::complete) return 0;
  fuzz::must(result.head_size == text.size(), "nothing is left after the head");
  const bool is_tunnel = !request.protocol().empty();
  if (!is_tunnel) fuzz::must(head.method_name == value_of(fields, ":method"), "the method is the client's");
  fuzz::must(head.target == value_of(fields, ":path") || head.method == http::Method::connect,
             "the target is the client's");
  const auto authority = value_of(fields, ":authority");
  fuzz::must(http::iequals(head.authority, authority.empty() ? value_of(fields, "host") : authority),
             "the host is the client's");
  for (const auto& line : head.fields) {
    const bool is_own = line.id == http::FieldId::host || http::iequals(line.name, "cookie") ||
                        http::iequals(line.name, "upgrade") || line.id == http::FieldId::transfer_encoding ||
                        line.id == http::FieldId::connection;
    if (is_own) continue;
    bool is_clients = false;
    for (const auto& field : fields) is_clients |= field.first == line.name && field.second == line.value;
    fuzz::must(is_clients, "each field is one of the client's");
  }
  using Kind = http::Framing::Kind;
  if (is_tunnel) return 0;
  if (ends) fuzz::must(head.framing.kind != Kind::chunked, "a request that has ended has no body to come");
  if (!ends) fuzz::must(head.framing.kind != Kind::none, "a body has a framing");
  return 0;
}
