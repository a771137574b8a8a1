// A smaller shape of a stored answer, cut for clients that ask for less (`fields_param`).
#pragma once

#include "cache/plan.hpp"
#include "projection/projector.hpp"
#include "store/response.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::cache {

/// The head and the 304's head of a stored response with another entity tag and length, and, where `coding`
/// is not empty, with that Content-Encoding: what a Representation of it begins with.
void derive_heads(const store::Response& response, std::string_view coding, store::Representation& made);

/// The stored answer with `fields` alone; nullptr where it cannot be cut: no JSON, or not of the route's
/// shape.
[[nodiscard]] std::shared_ptr<const store::Representation> make_shape(const store::Response& response,
                                                                      const std::vector<std::string>& fields,
                                                                      const settings::Route& route,
                                                                      const Plan& plan,
                                                                      projection::Workspace& workspace);

}  // namespace larder::cache
