#include "policy/keyed_hash.hpp"

#include <memory>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdexcept>

namespace larder::policy {

namespace {

constexpr std::size_t digest_size = 16;

struct Free {
  void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MAC_CTX, Free>;

// One context per thread: creating one costs more than computing a hash.
EVP_MAC_CTX* context() {
  thread_local const Context made = [] {
    const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr));
    return Context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  }();
  return made.get();
}

}  // namespace

KeyedHash::Secret KeyedHash::random_secret() {
  Secret secret;
  if (RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1)
    throw std::runtime_error("OpenSSL has no random numbers");
  return secret;
}

std::string KeyedHash::operator()(std::string_view value) const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t output_size = digest_size;
  const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_size_t("size", &output_size),
                                             OSSL_PARAM_construct_end()};
  std::array<unsigned char, digest_size> digest{};
  std::size_t size = 0;
  auto* const mac = context();
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  if (mac == nullptr || EVP_MAC_init(mac, secret_.data(), secret_.size(), parameters.data()) != 1 ||
      EVP_MAC_update(mac, bytes, value.size()) != 1 ||
      EVP_MAC_final(mac, digest.data(), &size, digest.size()) != 1 || size != digest_size)
    throw std::runtime_error("OpenSSL cannot compute SipHash");
  std::string text;
  text.reserve(2 * digest_size);
  for (const auto byte : digest) {
    text += digits[byte >> 4u];
    text += digits[byte & 0xFu];
  }
  return text;
}

}  // namespace larder::policy
