// Representations of a stored response with fewer members, for clients that select fields (`fields_param`).
#pragma once

#include "cache/plan.hpp"
#include "projection/projector.hpp"
#include "store/response.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::cache {

/// Writes the heads (of the response and of a 304) of a Representation: those of the stored response with
/// another entity tag and length, and with Content-Encoding unless `coding` is empty.
void derive_heads(const store::Response& response, std::string_view coding, store::Representation& made);

/// The stored response with only `fields`; nullptr if they cannot be selected: no JSON, or without the
/// route's `items`.
[[nodiscard]] std::shared_ptr<const store::Representation> make_shape(const store::Response& response,
                                                                      const std::vector<std::string>& fields,
                                                                      const settings::Route& route,
                                                                      const Plan& plan,
                                                                      projection::Workspace& workspace);

}  // namespace larder::cache
