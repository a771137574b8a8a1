// Keys of TLS session tickets.
#pragma once

#include "policy/time.hpp"

#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace larder::tls {

/// The keys that encrypt session tickets (RFC 5077, RFC 8446 4.6.1). Shared by every context of the process,
/// so that a session can be resumed on any loop and after a reload. A key encrypts for `period`, and decrypts
/// for two periods more. Callable from any thread.
class TicketKeys {
 public:
  static constexpr policy::Millis period{std::chrono::hours{8}};

  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> aes;
    std::array<unsigned char, 32> mac;
    policy::MonoTime made;
  };
  /// The key to encrypt with; a new one if the last is older than `period`. nullopt if there are no random
  /// bytes.
  [[nodiscard]] std::optional<Key> current(policy::MonoTime now);
  /// The key of that name, and whether it is the one to encrypt with; nullopt if it is unknown or too old.
  [[nodiscard]] std::optional<std::pair<Key, bool>> find(const unsigned char* name, policy::MonoTime now);

 private:
  std::mutex mutex_;
  std::vector<Key> keys_;  // newest first, at most 3
};

}  // namespace larder::tls
