#include "settings/settings.hpp"

#include <algorithm>

namespace larder::settings {

const Route* Settings::route_for(std::string_view normalised_path) const noexcept {
  const auto at = std::find_if(routes.begin(), routes.end(),
                               [&](const Route& route) { return route.path.matches(normalised_path); });
  return at == routes.end() ? nullptr : &*at;
}

}  // namespace larder::settings
