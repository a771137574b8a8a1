// Reading a response's body into memory.
#pragma once

#include "upstream/call.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace larder::cache {

struct Collected {
  std::string body;
  bool complete = false;                     // the body's end has been read
  std::optional<upstream::Failure> failure;  // the body ended too early, or did not come in time
};

/// Reads the body of a call whose final head has been read: all of it, or a little more than `limit` bytes;
/// nothing of it where its Content-Length is beyond that. `call` outlives the task.
[[nodiscard]] Task<Collected> collect(upstream::Call& call, std::size_t limit);

}  // namespace larder::cache
