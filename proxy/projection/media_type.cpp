#include "http/fields.hpp"
#include "http/text.hpp"
#include "projection/projector.hpp"

namespace larder::projection {

bool is_json_type(std::string_view content_type) noexcept {
  const auto rest = http::trim(content_type.substr(0, content_type.find(';')));
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return false;
  const auto type = rest.substr(0, slash), subtype = rest.substr(slash + 1);
  if (!http::is_token(type) || !http::is_token(subtype)) return false;
  // text/json is not registered, but some APIs send it.
  const bool may_be_plain = http::iequals(type, "application") || http::iequals(type, "text");
  if (may_be_plain && http::iequals(subtype, "json")) return true;
  constexpr std::string_view suffix = "+json";
  return subtype.size() > suffix.size() &&
         http::iequals(subtype.substr(subtype.size() - suffix.size()), suffix);
}

}  // namespace larder::projection
