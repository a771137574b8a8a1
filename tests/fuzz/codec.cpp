// The first byte selects a coding; the rest is encoded and decoded, and also decoded as it is.
#include "coding/codec.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto coding = static_cast<http::Coding>(data[0] % http::coding_count);
  const auto bytes = fuzz::text_of(data + 1, size - 1);
  constexpr std::size_t most = 1u << 20;
  const auto decoded = coding::decode(coding, bytes, most);
  fuzz::must(decoded.bytes.size() <= most, "what is decoded stays within its bound");
  fuzz::must(!decoded.error || decoded.bytes.empty(), "what is malformed leaves nothing");
  const auto coded = coding::encode(coding, 1, bytes);
  fuzz::must(coded.has_value(), "anything can be coded");
  const auto again = coding::decode(coding, *coded, size);
  fuzz::must(!again.error && again.bytes == bytes, "what is coded is decoded to the same bytes");
  return 0;
}
