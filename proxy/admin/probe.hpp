// What only the API can tell of a configuration: whether the answers that a route means to keep may be kept.
#pragma once

#include "settings/load.hpp"

#include <string>
#include <vector>

namespace larder::admin {

struct Probe {
  std::vector<settings::Problem> warnings;
  std::string not_asked;  // a sentence where some or all of it was not looked at; else empty
};

/// Asks the API once for each ttl route of an exact path, as a client without cookies would, one after the
/// other, for half a minute at the most; and warns of what its answer's head would keep from being stored, by
/// policy::judge. It reads no body.
[[nodiscard]] Probe probe_upstream(const settings::Settings& settings);

}  // namespace larder::admin
