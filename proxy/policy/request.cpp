#include "policy/request.hpp"

#include "http/ambiguous_path.hpp"
#include "http/range.hpp"
#include "http/target.hpp"
#include "http/text.hpp"
#include "policy/forwarded.hpp"

#include <algorithm>

namespace larder::policy {

using http::FieldId;
using settings::FieldRole;

namespace {

void read_role(const http::Field& line, FieldRole role, RequestFacts& facts) {
  switch (role) {
    case FieldRole::credential:
      facts.credentials = true;
      break;
    case FieldRole::method_override:
      facts.method_override = facts.method == http::Method::get || facts.method == http::Method::head;
      break;
    case FieldRole::forwarded_original:
      append_forwarded_text(line, facts.forwarded);
      break;
    case FieldRole::forwarded_for:
    case FieldRole::forwarded_address:
    case FieldRole::other:
      break;
  }
}

}  // namespace

RequestFacts facts_of(const http::RequestHead& head, const FactsInput& context) {
  RequestFacts facts;
  facts.method = head.method;
  facts.fields = head.fields;
  facts.authority = head.authority;
  facts.arrival = context.arrival;
  facts.settings = &context.settings;
  facts.hash = &context.hash;
  facts.body = head.framing.kind != http::Framing::Kind::none &&
               !(head.framing.kind == http::Framing::Kind::length && head.framing.length == 0);
  facts.ambiguous_path = http::is_ambiguous_path(head.path);
  bool directives = false;
  const auto& roles = context.settings.request_fields;
  for (const auto& line : head.fields) {
    if (const auto role = roles.role_of(line); role != FieldRole::other) read_role(line, role, facts);
    switch (line.id) {
      case FieldId::cache_control:
      case FieldId::pragma:
        directives = true;
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
  if (context.arrival.tls != nullptr) append_client_text(*context.arrival.tls, facts.forwarded);
  if (directives) facts.directives = http::parse_request_cache_control(head.fields);
  facts.safe = http::is_safe(head.method, head.method_name) && !facts.method_override;
  facts.idempotent = http::is_idempotent(head.method, head.method_name) && !facts.method_override;
  // A server that switches protocols could take a body for the first bytes of the new protocol. Upgrade is
  // therefore ignored in a request with a body (RFC 9110 7.8 permits that).
  facts.upgrade =
      head.upgrade && !facts.body && !allowed_upgrade(head.fields, context.settings.upgrade).empty();
  return facts;
}

std::string_view remove_forwarded(http::RequestHead& head, const settings::RequestFields& roles) {
  std::string_view first;
  std::erase_if(head.fields, [&](const http::Field& line) {
    const auto role = roles.role_of(line);
    if (role != FieldRole::forwarded_for && role != FieldRole::forwarded_address &&
        role != FieldRole::forwarded_original)
      return false;
    if (first.empty()) first = line.name;
    return true;
  });
  return first;
}

void remove_client_fields(http::RequestHead& head, const std::vector<std::string>& names) {
  const auto is_one = [&](const http::Field& line) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::equal(name.begin(), name.end(), line.name.begin(), line.name.end(), [](char a, char b) {
        return a == http::lower(b) || (a == '-' && b == '_') || (a == '_' && b == '-');
      });
    });
  };
  if (!names.empty()) std::erase_if(head.fields, is_one);
}

void obey_directives(const settings::Route& route, RequestFacts& facts) {
  if (route.client_directives == settings::ClientDirectives::obey) return;
  http::CacheControl kept;
  kept.no_store = facts.directives.no_store;
  kept.only_if_cached = facts.directives.only_if_cached;
  facts.directives = kept;
}

bool has_foreign_credentials(const RequestFacts& request, const settings::Route& route) {
  if (!request.credentials) return false;
  const auto is_in_key = [&](const http::Field& line) {
    return std::any_of(route.key.headers.begin(), route.key.headers.end(),
                       [&](const std::string& name) { return http::has_name(line, name); });
  };
  return std::any_of(request.fields.begin(), request.fields.end(), [&](const http::Field& line) {
    return request.settings->request_fields.role_of(line) == FieldRole::credential && !is_in_key(line);
  });
}

std::string_view authority_of(const http::RequestHead& head, const settings::Settings& settings) {
  return head.authority.empty() ? std::string_view(settings.upstream.authority) : head.authority;
}

std::string allowed_upgrade(http::Fields request, const std::vector<std::string>& allowed) {
  std::string out;
  for (const auto& line : request) {
    if (line.id != FieldId::upgrade) continue;
    for (std::string_view rest = line.value, protocol; http::next_element(rest, protocol);) {
      const auto name = protocol.substr(0, protocol.find('/'));
      const bool is_allowed = std::any_of(allowed.begin(), allowed.end(),
                                          [&](const auto& one) { return http::iequals(one, name); });
      if (is_allowed) out.append(out.empty() ? "" : ", ").append(protocol);
    }
  }
  return out;
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
