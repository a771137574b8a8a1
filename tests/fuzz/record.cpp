// Decodes any bytes as a record of the archive: nothing is read out of bounds, and what is decoded is encoded
// to the same bytes.
#include "tiers/record.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const policy::Now now{policy::WallTime{std::chrono::hours{500'000}},
                        policy::MonoTime{std::chrono::hours{100}}};
  const auto body = std::make_shared<const std::string>("body");
  const auto response = tiers::decode(bytes, body, now);
  if (!response) return 0;
  fuzz::must(response->body.owner() == body, "the body is the one that was given");
  fuzz::must(response->age(now.mono) >= response->initial_age, "time has not gone back");
  const auto written = tiers::encode(*response, now);
  const auto again = tiers::decode(written, body, now);
  fuzz::must(again != nullptr, "what was read is written");
  fuzz::must(tiers::encode(*again, now) == written, "and written the same");
  fuzz::must(tiers::variant_name(*again) == tiers::variant_name(*response), "under the same name");
  return 0;
}
