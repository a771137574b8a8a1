#include "fill/plan.hpp"

namespace larder::fill {

std::shared_ptr<const Plan> make_plan(std::shared_ptr<const settings::Settings> settings,
                                      std::string& error) {
  auto plan = std::make_shared<Plan>();
  for (const auto& route : settings->routes) {
    auto& rule = plan->rules.emplace_back();
    if (route.fields.empty()) continue;
    rule = lean::ProjectionRule::compile(route.fields, route.items, error);
    if (!rule) {
      error.insert(0, "route " + route.name + ": ");
      return nullptr;
    }
  }
  plan->settings = std::move(settings);
  return plan;
}

}  // namespace larder::fill
