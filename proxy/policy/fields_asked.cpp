#include "policy/fields_asked.hpp"

#include "http/target.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

bool is_named(const http::QueryPiece& piece, std::string_view parameter) {
  return piece.name == parameter || http::decode_query(piece.name) == parameter;
}

bool lies_in(std::string_view name, std::string_view field) {
  return name == field ||
         (name.size() > field.size() && name.starts_with(field) && name[field.size()] == '.');
}

bool is_path(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos && name.find('*') == std::string_view::npos;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

}  // namespace

std::string FieldsAsked::name() const {
  std::string name = "fields=";
  for (const auto& field : fields) {
    for (const char c : field) {
      if (c == ',' || c == '\\') name += '\\';
      name += c;
    }
    name += ',';
  }
  return name;
}

FieldsAsked fields_asked(std::string_view query, const settings::Route& route) {
  FieldsAsked asked;
  http::QueryPiece piece;
  while (http::next_query_piece(query, piece)) {
    if (!is_named(piece, route.fields_param)) continue;
    const auto value = http::decode_query(piece.value);
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      const auto name = http::trim(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      if (name.empty()) continue;
      const auto has = [&](const std::string& field) { return lies_in(name, field); };
      const bool known = route.fields.empty()
                             ? is_path(name)
                             : is_path(name) && std::any_of(route.fields.begin(), route.fields.end(), has);
      if (!known) {
        asked.problem = route.fields_param + ": unknown field '" + std::string(name) + "'";
        if (!route.fields.empty()) asked.problem += "; available: " + joined(route.fields);
        return asked;
      }
      asked.fields.emplace_back(name);
    }
  }
  std::sort(asked.fields.begin(), asked.fields.end());
  asked.fields.erase(std::unique(asked.fields.begin(), asked.fields.end()), asked.fields.end());
  if (asked.fields.size() > max_fields_asked) {
    asked.problem =
        route.fields_param + ": at most " + std::to_string(max_fields_asked) + " names are allowed";
    return asked;
  }
  auto all = route.fields;
  std::sort(all.begin(), all.end());
  if (asked.fields == all) asked.fields.clear();
  return asked;
}

std::string query_without(std::string_view query, std::string_view parameter) {
  std::string left;
  http::QueryPiece piece;
  while (http::next_query_piece(query, piece)) {
    if (is_named(piece, parameter)) continue;
    if (!left.empty()) left += '&';
    left += piece.raw;
  }
  return left;
}

}  // namespace larder::policy
