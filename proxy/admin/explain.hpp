// What larder makes of a request, and what it holds for it: `larder explain`, and GET /api/explain.
//
// One JSON object says it, made from the settings alone or by a running larder, which adds what is stored and
// why something is not; `print_explanation` turns either into the text that a person reads.
#pragma once

#include "cache/cache.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <ostream>
#include <string>

namespace larder::admin {

struct Question {
  std::string method = "GET";
  std::string url;  // absolute, or a path: then every Host is meant
};

/// What a running larder looks into.
struct Live {
  const cache::Cache& cache;
  policy::Now now;
};

/// The explanation as a JSON object. `live` may be nullptr. nullopt and a sentence in `error` where the
/// question is no request that larder would take.
[[nodiscard]] std::optional<std::string> explain(const settings::Settings& settings, const Question& question,
                                                 const Live* live, std::string& error);

/// Prints what `explain` made. False where `json` is not that.
[[nodiscard]] bool print_explanation(const std::string& json, std::ostream& out);

}  // namespace larder::admin
