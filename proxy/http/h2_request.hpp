// The fields of an HTTP/2 request, made into the text of an HTTP/1 head that the gate reads (RFC 9113 8).
//
// What is specific to HTTP/2 is checked here: pseudo-fields, lower case, fields of a connection, characters
// that would begin another line. Everything else is the gate's, so a request means the same whatever version
// it came in, and what is forwarded is built from validated parts.
#pragma once

#include "http/gate.hpp"

#include <string>
#include <string_view>

namespace larder::http {

class H2Request {
 public:
  enum class Fault : std::uint8_t {
    none,
    malformed,  // a stream error (RFC 9113 8.1.1)
    too_large,  // limits.head or limits.fields: 431
  };

  /// For reuse.
  void clear();
  /// Adds a field in the order of arrival, pseudo-fields included. After a fault, further ones are ignored.
  Fault add(std::string_view name, std::string_view value, const Limits& limits);
  /// After the last field. `ends`: the request has no body.
  Fault finish(bool ends);

  /// After `finish` without a fault.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] Scheme scheme() const noexcept { return is_https_ ? Scheme::https : Scheme::http; }
  /// `:protocol` of an extended CONNECT (RFC 8441); empty = none. Its text is a GET with Upgrade.
  [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
  /// As far as it is known.
  [[nodiscard]] bool is_head() const noexcept { return method_ == "HEAD"; }

 private:
  Fault add_pseudo(std::string_view name, std::string_view value);
  Fault add_regular(std::string_view name, std::string_view value);

  std::string method_, scheme_, path_, authority_, protocol_, host_, cookies_;
  std::string fields_;  // lines
  std::string text_;
  std::size_t size_ = 0;
  std::size_t count_ = 0;
  bool is_https_ = false;
  bool has_authority_ = false;
  bool has_host_ = false;
  bool has_path_ = false;
  bool has_length_ = false;
  bool has_regular_ = false;
  Fault fault_ = Fault::none;
};

}  // namespace larder::http
