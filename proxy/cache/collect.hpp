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
  std::optional<upstream::Failure> failure;  // the body was incomplete or timed out
};

/// Reads the body of a call whose final head has been read: completely, or until it exceeds `limit` bytes;
/// not at all if its Content-Length exceeds that. `call` must outlive the task.
[[nodiscard]] Task<Collected> collect(upstream::Call& call, std::size_t limit);

}  // namespace larder::cache
