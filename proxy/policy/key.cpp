#include "policy/key.hpp"

#include "http/target.hpp"
#include "http/text.hpp"
#include "policy/invalidation.hpp"
#include "policy/request.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

bool is_refresh_bool(const http::QueryPiece& piece, std::string_view name) {
  if (name.empty()) return false;
  if (piece.name != name && http::decode_query(piece.name) != name) return false;
  return http::parse_bool(http::decode_query(piece.value)).has_value();
}

bool is_fields_param(const http::QueryPiece& piece, std::string_view name) {
  return !name.empty() && (piece.name == name || http::decode_query(piece.name) == name);
}

void append_query(std::string_view query, const settings::Route& route, std::string& out) {
  using Query = settings::KeyRule::Query;
  if (route.key.query == Query::none) return;
  if (route.key.query == Query::all && route.refresh_param.empty() && route.fields_param.empty()) {
    out += '?';
    out += query;
    return;
  }
  char separator = '?';
  const auto append = [&](const http::QueryPiece& piece) {
    if (is_refresh_bool(piece, route.refresh_param) || is_fields_param(piece, route.fields_param)) return;
    out += separator;
    out += piece.raw;
    separator = '&';
  };
  http::QueryPiece piece;
  if (route.key.query == Query::all) {
    while (http::next_query_piece(query, piece)) append(piece);
    return;
  }
  for (const auto& name : route.key.query_names) {
    for (auto rest = query; http::next_query_piece(rest, piece);) {
      if (piece.name == name || http::decode_query(piece.name) == name) append(piece);
    }
  }
}

bool is_case_insensitive(std::string_view name) noexcept {
  return name == "accept-encoding" || name == "accept-language" || name == "accept-charset";
}

void append_normalised(std::string_view line, bool fold_case, std::string& out) {
  std::string_view element;
  while (http::next_element(line, element)) {
    if (!out.empty()) out += ',';
    const auto start = out.size();
    out += element;
    if (fold_case)
      std::transform(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
                     out.begin() + static_cast<std::ptrdiff_t>(start), http::lower);
  }
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::lower);
  return out;
}

void add_name(std::string name, http::Fields request, SecondaryKey& key) {
  const auto same = [&](const VaryField& field) { return field.name == name; };
  if (std::any_of(key.begin(), key.end(), same)) return;
  auto value = normalised_value(request, name);
  const auto id = boost::beast::http::string_to_field(name);
  key.push_back({id, std::move(name), std::move(value)});
}

}  // namespace

void write_key(std::string_view authority, std::string_view path, const http::RequestHead& head,
               const settings::Route& route, std::string& out) {
  write_target(authority, path, out);
  if (head.has_query) append_query(head.query, route, out);
  if (!route.shape.empty()) {
    out += '\n';
    out += route.shape;
  }
}

std::string without_refresh(std::string_view query, const settings::Route& route) {
  std::string left;
  http::QueryPiece piece;
  while (http::next_query_piece(query, piece)) {
    if (is_refresh_bool(piece, route.refresh_param)) continue;
    if (!left.empty()) left += '&';
    left += piece.raw;
  }
  return left;
}

std::optional<std::string> normalised_value(http::Fields request, std::string_view name) {
  std::optional<std::string> value;
  for (const auto& line : request) {
    if (!http::has_name(line, name)) continue;
    if (!value) value.emplace();
    append_normalised(line.value, is_case_insensitive(name), *value);
  }
  return value;
}

std::optional<SecondaryKey> secondary_key(http::Fields request, http::Fields response,
                                          const settings::Route& route, bool asks_identity) {
  SecondaryKey key;
  add_name("origin", request, key);
  for (const auto& name : route.key.headers) add_name(name, request, key);
  for (const auto& line : response) {
    if (line.id == FieldId::content_encoding && !asks_identity) add_name("accept-encoding", request, key);
    if (line.id != FieldId::vary) continue;
    std::string_view rest = line.value;
    std::string_view element;
    while (http::next_element(rest, element)) {
      if (element == "*" || !http::is_token(element)) return std::nullopt;
      auto name = lower_case(element);
      if (name == "accept-encoding" && asks_identity) continue;
      add_name(std::move(name), request, key);
    }
  }
  return key;
}

bool matches(const SecondaryKey& key, http::Fields request) {
  return std::all_of(key.begin(), key.end(), [&](const VaryField& field) {
    const http::Field* only = nullptr;
    bool several = false;
    for (const auto& line : request) {
      const bool same = field.id != FieldId::unknown ? line.id == field.id : http::has_name(line, field.name);
      if (!same) continue;
      several = only != nullptr;
      only = &line;
    }
    if (only == nullptr || !field.value) return (only != nullptr) == field.value.has_value();
    if (!several && only->value == *field.value) return true;  // the common case needs no copy
    return normalised_value(request, field.name) == field.value;
  });
}

}  // namespace larder::policy
