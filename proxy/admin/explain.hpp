// Explains how larder handles a request and what is stored for it: `larder explain` and GET /api/explain.
//
// The explanation is a JSON object, made from the settings alone or by a running larder, which adds what is
// stored and why a response was not stored. `print_explanation` converts it to text.
#pragma once

#include "cache/cache.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace larder::admin {

struct Question {
  std::string method = "GET";
  std::string url;  // absolute, or a path, which stands for all hosts
};

/// The question in one argument or two: `URL`, `METHOD URL`, or `METHOD` and `URL`.
[[nodiscard]] Question question_of(const std::vector<std::string>& arguments);

/// The state of a running larder.
struct Live {
  const cache::Cache& cache;
  policy::Now now;
};

/// The explanation as a JSON object. `live` may be nullptr. nullopt and a message in `error` if larder would
/// refuse the request.
[[nodiscard]] std::optional<std::string> explain(const settings::Settings& settings, const Question& question,
                                                 const Live* live, std::string& error);

/// Prints the result of `explain` as text. False if `json` is not such an object.
[[nodiscard]] bool print_explanation(const std::string& json, std::ostream& out);

}  // namespace larder::admin
