#include "settings/settings.hpp"

#include <algorithm>

namespace larder::settings {

std::size_t Settings::bodies_in_flight() const noexcept {
  constexpr std::size_t least = std::size_t{64} << 20;
  return limits.bodies_in_flight.value_or(std::max<std::size_t>(least, cache.memory / 4));
}

const Route* Settings::route_for(std::string_view normalised_path) const noexcept {
  const auto at = std::find_if(routes.begin(), routes.end(),
                               [&](const Route& route) { return route.path.matches(normalised_path); });
  return at == routes.end() ? nullptr : &*at;
}

Listener Settings::admin_listener() const {
  Listener listener(*admin);
  listener.tls = admin_tls;
  return listener;
}

std::vector<CertificateFiles> ListenerTls::all() const {
  auto every = certificates;
  if (!first.certificate.empty()) every.insert(every.begin(), first);
  return every;
}

}  // namespace larder::settings
