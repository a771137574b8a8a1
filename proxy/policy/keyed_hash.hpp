// A keyed hash for what must tell cache keys apart and not stand in them: credentials and cookies.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::policy {

/// SipHash-2-4 with a 128-bit secret and a 128-bit result: without the secret, values can neither be
/// recovered by trial nor made to collide. Immutable; any thread.
class KeyedHash {
 public:
  using Secret = std::array<std::uint8_t, 16>;

  explicit KeyedHash(const Secret& secret) noexcept : secret_(secret) {}

  /// From the system's generator. Throws where that has none.
  [[nodiscard]] static Secret random_secret();

  /// 32 hexadecimal digits. Throws std::runtime_error where the library has no SipHash.
  [[nodiscard]] std::string operator()(std::string_view value) const;

 private:
  Secret secret_;
};

}  // namespace larder::policy
