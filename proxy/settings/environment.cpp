#include "settings/environment.hpp"

#include "settings/scalar.hpp"

#include <algorithm>
#include <cstdlib>

namespace larder::settings {

namespace {

bool is_variable_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::optional<std::string> expand(const std::string& text, std::string& error) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const auto begin = text.find("${", at);
    if (begin == std::string::npos) return out + text.substr(at);
    if (begin > at && text[begin - 1] == '$') {
      out.append(text, at, begin - at - 1).append("${");
      at = begin + 2;
      continue;
    }
    out.append(text, at, begin - at);
    const auto end = text.find('}', begin);
    if (end == std::string::npos) {
      error = in_quotes(text) + ": ${ without a closing }; write $${ for a literal ${";
      return std::nullopt;
    }
    auto name = text.substr(begin + 2, end - begin - 2);
    std::optional<std::string> otherwise;
    if (const auto colon = name.find(":-"); colon != std::string::npos) {
      otherwise = name.substr(colon + 2);
      name.resize(colon);
    }
    if (!is_variable_name(name)) {
      error = in_quotes(name) + " is not the name of a variable; write ${NAME} or ${NAME:-default}";
      return std::nullopt;
    }
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && *value != '\0')
      out += value;
    else if (otherwise)
      out += *otherwise;
    else if (value == nullptr) {
      error = "${" + name + "} is not set; set it, or write ${" + name + ":-default}";
      return std::nullopt;
    }
    at = end + 1;
  }
}

}  // namespace larder::settings
