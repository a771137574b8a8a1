// Makes the stored response from a fetched body: combines parts, removes the content coding, projects, and
// computes the entity tag (design, invariant 2).
//
// Pure: no I/O, no clock, no shared state.
#pragma once

#include "cache/plan.hpp"
#include "http/gate.hpp"
#include "policy/storability.hpp"
#include "projection/projector.hpp"
#include "store/response.hpp"

#include <memory>
#include <string>

namespace larder::cache {

/// A response that has been read completely.
struct Fetched {
  const http::ResponseHead& head;
  std::string body;
  policy::StoredMeta meta;  // as decided by policy::judge
  policy::ExchangeTimes when;
  const store::Response* held = nullptr;  // a part that this one may complete; nullptr = none
  http::Fields client = {};               // of the request that waits for the response; empty = none waits
};

struct Represented {
  std::shared_ptr<store::Response> response;
  /// Why it must not be stored: the body is no JSON, or was not understood. Else Detail::none.
  policy::Detail against = policy::Detail::none;
  /// not_projectable if the body is well-formed JSON of which the route's projection would leave nothing: it
  /// is stored as a whole. Else Detail::none.
  policy::Detail note = policy::Detail::none;
  bool projected = false;
  std::string for_requesting_client;  // field lines that are not stored: see represent()
};

/// `sequence` is of the fill.
[[nodiscard]] Represented represent_fetched(Fetched fetched, const settings::Route& route, const Plan& plan,
                                            policy::Sequence sequence, projection::Workspace& workspace);

}  // namespace larder::cache
