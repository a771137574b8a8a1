#include "net/ticket_keys.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace larder::tls {

namespace {

constexpr std::size_t kept_keys = 3;

}  // namespace

std::optional<TicketKeys::Key> TicketKeys::current(policy::MonoTime now) {
  const std::lock_guard lock(mutex_);
  if (keys_.empty() || now - keys_.front().made >= period) {
    Key key{};
    if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
        RAND_bytes(key.aes.data(), static_cast<int>(key.aes.size())) != 1 ||
        RAND_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1)
      return std::nullopt;
    key.made = now;
    keys_.insert(keys_.begin(), key);
    if (keys_.size() > kept_keys) {
      OPENSSL_cleanse(&keys_.back(), sizeof(Key));
      keys_.pop_back();
    }
  }
  return keys_.front();
}

std::optional<std::pair<TicketKeys::Key, bool>> TicketKeys::find(const unsigned char* name,
                                                                 policy::MonoTime now) {
  const std::lock_guard lock(mutex_);
  for (const auto& key : keys_) {
    if (!std::equal(key.name.begin(), key.name.end(), name)) continue;
    if (now - key.made >= kept_keys * period) return std::nullopt;
    return std::pair(key, now - key.made < period);
  }
  return std::nullopt;
}

}  // namespace larder::tls
