#include "projection/entity_tag.hpp"

#include <xxhash.h>

namespace larder::projection {

std::string make_entity_tag(std::string_view body) {
  constexpr std::string_view digits = "0123456789abcdef";
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(body.data(), body.size()));
  std::string tag = "\"";
  for (const unsigned char byte : bytes.digest) {
    tag += digits[byte >> 4u];
    tag += digits[byte & 0xFu];
  }
  return tag += '"';
}

std::string make_weak_entity_tag(std::string_view compared) {
  return "W/" + make_entity_tag(compared);
}

}  // namespace larder::projection
