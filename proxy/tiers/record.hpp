// Encodes stored responses as bytes, and decodes them.
#pragma once

#include "store/response.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace larder::tiers {

/// Encodes everything but the body; times are of the wall clock.
[[nodiscard]] std::string encode(const store::Response& response, policy::Now now);

/// nullptr if the bytes are not a result of `encode`. The age includes the time between encoding and `now`. A
/// response from the future (the clock was set back) is stale.
[[nodiscard]] std::shared_ptr<store::Response> decode(std::string_view bytes, store::Body body,
                                                      policy::Now now);

/// The secondary key as bytes; identifies a variant.
[[nodiscard]] std::string variant_name(const store::Response& response);

}  // namespace larder::tiers
