#include "policy/request.hpp"

#include "http/range.hpp"
#include "http/target.hpp"

namespace larder::policy {

using http::FieldId;

RequestFacts facts_of(const http::RequestHead& head) {
  RequestFacts facts;
  facts.method = head.method;
  facts.fields = head.fields;
  facts.body = head.framing.kind != http::Framing::Kind::none &&
               !(head.framing.kind == http::Framing::Kind::length && head.framing.length == 0);
  facts.upgrade = head.upgrade;
  bool directives = false;
  for (const auto& line : head.fields) {
    switch (line.id) {
      case FieldId::cache_control:
      case FieldId::pragma:
        directives = true;
        break;
      case FieldId::authorization:
        facts.authorization = true;
        break;
      case FieldId::range:
        facts.range = head.method == http::Method::get && http::parse_range(head.fields).has_value();
        break;
      case FieldId::if_match:
      case FieldId::if_unmodified_since:
        facts.preconditions = true;
        break;
      case FieldId::if_none_match:
        facts.if_none_match = &line;
        break;
      case FieldId::if_modified_since:
        facts.if_modified_since = &line;
        break;
      default:
        break;
    }
  }
  if (directives) facts.directives = http::parse_request_cache_control(head.fields);
  return facts;
}

Refresh refresh_asked(std::string_view query, std::string_view name) {
  if (name.empty()) return Refresh::absent;
  auto asked = Refresh::absent;
  http::QueryPiece piece;
  while (http::next_query_piece(query, piece)) {
    if (piece.name != name && http::decode_query(piece.name) != name) continue;
    const auto value = http::parse_bool(http::decode_query(piece.value));
    asked = !value ? Refresh::absent : *value ? Refresh::forced : Refresh::ordinary;
  }
  return asked;
}

}  // namespace larder::policy
