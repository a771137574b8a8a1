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
};

struct Represented {
  std::shared_ptr<store::Response> response;
  /// Detail::none, or why the route's projection was not applied: the body is as the API sent it.
  policy::Detail detail = policy::Detail::none;
  /// With a `detail`: the response may be stored nevertheless.
  bool is_storable = false;
  bool projected = false;
  std::string for_requesting_client;  // field lines that are not stored: see represent()
};

/// `sequence` is of the fill.
[[nodiscard]] Represented represent_fetched(Fetched fetched, const settings::Route& route, const Plan& plan,
                                            policy::Sequence sequence, projection::Workspace& workspace);

}  // namespace larder::cache
