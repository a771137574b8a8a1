#include "http/fields.hpp"

#include <algorithm>

namespace larder::http {

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

const Field* find(Fields fields, FieldId id) noexcept {
  const auto at =
      std::find_if(fields.begin(), fields.end(), [id](const Field& line) { return line.id == id; });
  return at == fields.end() ? nullptr : &*at;
}

const Field* find(Fields fields, std::string_view name) noexcept {
  const auto at =
      std::find_if(fields.begin(), fields.end(), [name](const Field& line) { return has_name(line, name); });
  return at == fields.end() ? nullptr : &*at;
}

std::size_t count(Fields fields, FieldId id) noexcept {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [id](const Field& line) { return line.id == id; }));
}

bool has_name(const Field& line, std::string_view name) noexcept {
  return iequals(line.name, name);
}

bool is_hop_by_hop(const Field& line) noexcept {
  switch (line.id) {
    case FieldId::connection:
    case FieldId::proxy_connection:
    case FieldId::keep_alive:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
      return true;
    case FieldId::unknown:
      return has_name(line, "Proxy-Authentication-Info");
    default:
      return false;
  }
}

bool is_safe(Method method, std::string_view name) noexcept {
  switch (method) {
    case Method::get:
    case Method::head:
    case Method::options:
    case Method::trace:
    case Method::propfind:
    case Method::report:
    case Method::search:
      return true;
    case Method::unknown:
      return name == "QUERY";
    default:
      return false;
  }
}

bool is_idempotent(Method method, std::string_view name) noexcept {
  return is_safe(method, name) || method == Method::put || method == Method::delete_;
}

}  // namespace larder::http
