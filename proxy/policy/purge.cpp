#include "policy/purge.hpp"

#include "http/target.hpp"

#include <algorithm>

namespace larder::policy {

bool Purge::concerns(std::string_view key, std::span<const std::string> groups) const {
  if (what == What::all) return true;
  if (what == What::group) return std::find(groups.begin(), groups.end(), text) != groups.end();
  key = key.substr(0, key.find('\n'));
  const auto path = key.find('/', key.find("://") + 3);
  if (path == std::string_view::npos) return false;
  key.remove_prefix(path);
  if (what == What::prefix) return key.substr(0, key.find('?')).starts_with(text);
  return text.find('?') == std::string::npos ? key.substr(0, key.find('?')) == text : key == text;
}

std::string purge_text(std::string_view path) {
  const auto query = std::min(path.find('?'), path.size());
  std::string scratch;
  return std::string(http::normalise_path(path.substr(0, query), scratch)).append(path.substr(query));
}

}  // namespace larder::policy
