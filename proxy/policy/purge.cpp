#include "policy/purge.hpp"

#include "http/target.hpp"
#include "policy/key.hpp"

#include <algorithm>

namespace larder::policy {

bool Purge::concerns(const KeyView& key, std::span<const std::string> groups) const {
  if (what == What::all) return true;
  if (what == What::group) return std::find(groups.begin(), groups.end(), text) != groups.end();
  if (what == What::prefix) return key.path().starts_with(text);
  return text.find('?') == std::string::npos ? key.path() == text : key.target() == text;
}

std::string purge_text(std::string_view path) {
  const auto encoded = http::encode_beyond_ascii(path);
  if (encoded) path = *encoded;
  const auto query = std::min(path.find('?'), path.size());
  std::string scratch;
  return std::string(http::normalise_path(path.substr(0, query), scratch)).append(path.substr(query));
}

}  // namespace larder::policy
