#include "store/interim.hpp"

#include "http/text.hpp"

namespace larder::store {

MadeHead make_interim_head(const http::ResponseHead& head) {
  using http::FieldId;
  HeadBuilder builder(head.status, head.reason, false);
  for (const auto& line : head.fields) {
    // RFC 9110 7.6.1; and 8.6: Content-Length is not allowed in a 1xx.
    if (http::is_hop_by_hop(line) || http::list_has(head.fields, FieldId::connection, line.name)) continue;
    if (line.id != FieldId::content_length) builder.add(line, false, false);
  }
  MadeHead made;
  builder.finish(made);
  return made;
}

}  // namespace larder::store
