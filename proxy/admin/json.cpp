#include "admin/json.hpp"

#include "http/text.hpp"

#include <cmath>

namespace larder::admin {

json::string utf8(std::string_view text) {
  json::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = http::utf8_length(text);
    if (length == 0)
      out.append("\xEF\xBF\xBD");
    else
      out.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

json::value figure(double value) {
  constexpr double exact = 9007199254740992.0;  // 2^53
  if (std::abs(value) < exact && value == std::floor(value)) return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace larder::admin
