#include "cache/plan.hpp"

#include "coding/codec.hpp"

namespace larder::cache {

std::shared_ptr<const Plan> make_plan(std::shared_ptr<const settings::Settings> settings,
                                      std::string& error) {
  auto plan = std::make_shared<Plan>();
  for (const auto& route : settings->routes) {
    auto& rule = plan->rules.emplace_back();
    auto& compared = plan->compared.emplace_back();
    if (!route.fields.empty()) rule = projection::ProjectionRule::compile(route.fields, route.items, error);
    if (!route.etag_ignore.empty())
      compared = projection::ProjectionRule::compile_without(route.etag_ignore, error);
    if ((!route.fields.empty() && !rule) || (!route.etag_ignore.empty() && !compared)) {
      error.insert(0, "route " + route.name + ": ");
      return nullptr;
    }
  }
  for (const auto coding : {http::Coding::gzip, http::Coding::br, http::Coding::zstd})
    plan->encoder_fingerprints[static_cast<std::size_t>(coding)] =
        coding::encoder_fingerprint(coding, settings->compression.level_of(coding));
  if (const auto& upstream = settings->upstream; upstream.uses_tls) {
    const auto& tls = upstream.tls;
    const auto& host = std::get<settings::TcpAddress>(upstream.address).host;
    auto made = tls::ClientContext::make({tls.ca, tls.certificate, tls.key,
                                          tls.server_name.empty() ? host : tls.server_name, tls.verify,
                                          "upstream.tls.ca"});
    if (auto* failure = std::get_if<std::string>(&made)) {
      error = "upstream.tls: " + *failure;
      return nullptr;
    }
    plan->api_tls = std::move(std::get<0>(made));
  }
  plan->settings = std::move(settings);
  return plan;
}

}  // namespace larder::cache
