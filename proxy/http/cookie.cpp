#include "http/cookie.hpp"

#include "http/text.hpp"

namespace larder::http {

std::optional<std::string> cookie_values(Fields request, std::string_view name) {
  std::optional<std::string> values;
  for (const auto& line : request) {
    if (line.id != FieldId::cookie) continue;
    for (auto rest = line.value; !rest.empty();) {
      // Some servers also split at commas. A value with a comma is compared as a whole, which is safe.
      const auto end = rest.find(';');
      const auto pair = trim(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const auto equals = pair.find('=');
      if (trim(pair.substr(0, equals)) != name) continue;
      const auto value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
      if (values)
        values->append("\n").append(value);
      else
        values.emplace(value);
    }
  }
  return values;
}

}  // namespace larder::http
