// Limits that the gate enforces on messages. Each is a setting (`limits:` and `underscores` in larder.yaml).
#pragma once

#include <cstddef>
#include <cstdint>

namespace larder::http {

struct Limits {
  std::size_t head = 32 * 1024;        // bytes; start line and fields with their line ends
  std::size_t target = 8 * 1024;       // bytes of the request target
  std::size_t field = 16 * 1024;       // bytes of one field line
  std::size_t fields = 128;            // field lines in one head
  std::size_t method = 32;             // bytes of a method's name
  std::size_t chunk_extension = 1024;  // bytes of extensions of one chunk; extensions are discarded
  std::size_t trailers = 8 * 1024;     // bytes of the trailer section; trailers are discarded
  /// Whether to forward request fields whose names contain an underscore. By default they are removed: CGI
  /// and WSGI map `X_Forwarded_For` and `X-Forwarded-For` to the same variable, so a client could use one to
  /// forge the other.
  bool underscores = false;
};

}  // namespace larder::http
