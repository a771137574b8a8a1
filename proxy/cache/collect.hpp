// Reading a response's body into memory.
#pragma once

#include "cache/body_budget.hpp"
#include "cache/fill.hpp"
#include "upstream/call.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace larder::cache {

struct CollectBounds {
  BodyShare& share;
  std::size_t size;        // bytes
  Millis silence;          // between two pieces
  policy::MonoTime until;  // the end of all of it
};

enum class Collected : std::uint8_t {
  complete,
  too_large,  // the body exceeds the size; it may have been read in part
  no_room,    // the budget is used up
  slow,       // nothing came for `silence`, or `until` has passed
  failed,     // the body was incomplete or timed out: `failure`
};
struct CollectResult {
  Collected how = Collected::complete;
  std::optional<upstream::Failure> failure;
};

/// Appends the body of a call whose final head has been read to `body`, but reads nothing of one whose
/// Content-Length exceeds the size. With `stream`, that fill's leader gets the body while it arrives if it is
/// not complete after a moment. All arguments must outlive the task.
[[nodiscard]] Task<CollectResult> collect(upstream::Call& call, const CollectBounds& bounds,
                                          std::string& body, Fill* stream);

}  // namespace larder::cache
