#include "http/interim.hpp"

#include "http/text.hpp"

namespace larder::http {

void write_interim(const ResponseHead& head, std::string& out) {
  out.assign("HTTP/1.1 ").append(std::to_string(head.status)).append(" ").append(head.reason).append("\r\n");
  for (const auto& line : head.fields) {
    if (is_hop_by_hop(line) || list_has(head.fields, FieldId::connection, line.name)) continue;  // 7.6.1
    if (line.id == FieldId::content_length) continue;  // RFC 9110 8.6: not allowed in a 1xx
    out.append(line.name).append(": ").append(line.value).append("\r\n");
  }
  out.append("\r\n");
}

}  // namespace larder::http
