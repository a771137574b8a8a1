// The settings with each route's projection compiled. Immutable; shared by all loops until a reload.
#pragma once

#include "net/tls_context.hpp"
#include "projection/projector.hpp"
#include "settings/settings.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace larder::cache {

struct Plan {
  std::shared_ptr<const settings::Settings> settings;
  std::shared_ptr<const tls::ClientContext> api_tls;                // nullptr = the API has no TLS
  std::vector<std::optional<projection::ProjectionRule>> rules;     // by Route::index: `fields`
  std::vector<std::optional<projection::ProjectionRule>> compared;  // by Route::index: all but `etag_ignore`

  std::array<std::string, http::coding_count>
      encoder_fingerprints;  // by Coding: see coding::encoder_fingerprint

  [[nodiscard]] const std::string& encoder_fingerprint_of(http::Coding coding) const noexcept {
    return encoder_fingerprints[static_cast<std::size_t>(coding)];
  }
  [[nodiscard]] const projection::ProjectionRule* rule_of(const settings::Route& route) const {
    const auto& rule = rules[route.index];
    return rule ? &*rule : nullptr;
  }
  /// The part of the body that the entity tag is computed from; nullptr = all of it.
  [[nodiscard]] const projection::ProjectionRule* compared_of(const settings::Route& route) const {
    const auto& rule = compared[route.index];
    return rule ? &*rule : nullptr;
  }
};

[[nodiscard]] inline projection::ProjectionLimits projection_limits(const settings::Settings& settings) {
  return {settings.limits.json_depth, settings.cache.max_body, settings.limits.json_members};
}

/// nullptr and a message in `error` if a route's `fields` or `items` cannot be compiled, or if a file of
/// upstream.tls cannot be used.
[[nodiscard]] std::shared_ptr<const Plan> make_plan(std::shared_ptr<const settings::Settings> settings,
                                                    std::string& error);

}  // namespace larder::cache
