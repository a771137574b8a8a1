// Request fields with a role for the cache: credentials, forwarding fields of proxies, and method overrides.
#pragma once

#include "http/fields.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

enum class FieldRole : std::uint8_t {
  other,
  credential,          // named in `credentials`; Authorization always
  method_override,     // X-HTTP-Method-Override and similar: a GET with it may be a write
  forwarded_for,       // X-Forwarded-For, to which larder appends the peer's address
  forwarded_address,   // the client's address in another field: X-Real-IP, True-Client-IP, ...
  forwarded_original,  // the original host, scheme, port, prefix or URL: X-Forwarded-Host, Forwarded, ...
};

/// Maps field names to roles. Looked up for each field of a request, so lookups must be cheap. Names are
/// compared case-insensitively, and `_` is equal to `-`, as in CGI and WSGI. Immutable; callable from any
/// thread.
class RequestFields {
 public:
  static constexpr std::size_t max_length = 64;  // of a name, in characters

  RequestFields() : RequestFields(default_credentials()) {}
  /// Names longer than `max_length` are left out; the loader reports them as errors.
  explicit RequestFields(const std::vector<std::string>& credentials);

  [[nodiscard]] static const std::vector<std::string>& default_credentials();

  [[nodiscard]] FieldRole role_of(const http::Field& line) const noexcept {
    if (line.id != http::FieldId::unknown && !known_[static_cast<std::size_t>(line.id)])
      return FieldRole::other;
    return role_of(line.name);
  }
  [[nodiscard]] FieldRole role_of(std::string_view name) const noexcept;

 private:
  struct Entry {
    std::string name;
    FieldRole role;
  };
  void add(const std::string& name, FieldRole role);

  std::bitset<512> known_;  // by FieldId
  std::array<std::vector<Entry>, max_length + 1> by_length_;
};

}  // namespace larder::settings
