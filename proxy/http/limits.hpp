// The bounds that the gate holds messages to, and what it drops. Every one is a setting (`limits:` and
// `underscores` in larder.yaml).
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
  /// A request's fields with an underscore in their names pass. By default they are dropped: CGI and WSGI
  /// make the same variable of `X_Forwarded_For` and `X-Forwarded-For`, so that one could stand in for the
  /// other.
  bool underscores = false;
};

}  // namespace larder::http
