// Keyed hash for values that cache keys must distinguish but not contain: credentials and cookies.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::policy {

/// SipHash-2-4 with a 128-bit secret and a 128-bit result. Without the secret, values can neither be found by
/// trial nor made to collide. Immutable; callable from any thread.
class KeyedHash {
 public:
  using Secret = std::array<std::uint8_t, 16>;

  explicit KeyedHash(const Secret& secret) noexcept : secret_(secret) {}

  /// Generates a secret with the system's random number generator. Throws std::runtime_error if that fails.
  [[nodiscard]] static Secret random_secret();

  /// The hash as 32 hexadecimal digits. Throws std::runtime_error if OpenSSL has no SipHash.
  [[nodiscard]] std::string operator()(std::string_view value) const;

 private:
  Secret secret_;
};

}  // namespace larder::policy
