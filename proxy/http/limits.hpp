// The bounds that the gate holds messages to. Every one is a setting (`limits:` in larder.yaml).
#pragma once

#include <cstddef>
#include <cstdint>

namespace larder::http {

struct Limits {
  std::size_t head = 32 * 1024;        // bytes, start line and fields with their line ends
  std::size_t target = 8 * 1024;       // bytes of the request target
  std::size_t field = 16 * 1024;       // bytes of one field line
  std::size_t fields = 128;            // field lines in one head
  std::size_t method = 32;             // bytes of a method's name
  std::size_t chunk_extension = 1024;  // bytes of extensions on one chunk's line; they are dropped
  std::size_t trailers = 8 * 1024;     // bytes of a trailer section; it is dropped
};

}  // namespace larder::http
