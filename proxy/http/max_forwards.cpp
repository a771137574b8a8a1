#include "http/max_forwards.hpp"

#include "http/text.hpp"

namespace larder::http {

namespace {

// Fields that are likely to hold secrets: a script that can send a TRACE must not be able to read them from
// the response.
bool is_sensitive(std::string_view name) noexcept {
  for (const std::string_view known : {"Authorization", "Proxy-Authorization", "Cookie", "Cookie2",
                                       "X-API-Key", "API-Key", "X-Auth-Token"}) {
    if (iequals(name, known)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::uint64_t> forwards_left(Method method, Fields request) noexcept {
  if (method != Method::options && method != Method::trace) return std::nullopt;
  const auto* line = find(request, FieldId::max_forwards);
  if (line == nullptr || count(request, FieldId::max_forwards) > 1) return std::nullopt;
  return parse_digits(line->value);
}

void write_trace(const RequestHead& head, std::string& out) {
  out.assign(head.method_name).append(" ").append(head.target);
  out.append(head.minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  for (const auto& line : head.fields) {
    // RFC 9110 9.3.8: fields that are likely to contain sensitive data should be excluded.
    if (!is_sensitive(line.name)) out.append(line.name).append(": ").append(line.value).append("\r\n");
  }
  out.append("\r\n");
}

}  // namespace larder::http
