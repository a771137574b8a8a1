// A stored response as bytes, and back.
#pragma once

#include "store/response.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace larder::tiers {

/// Everything but the body; times by the wall clock.
[[nodiscard]] std::string encode(const store::Response& response, policy::Now now);

/// nullptr where the bytes are not what `encode` makes. The age is the true one: what lies between then and
/// `now` counts. A response from the future (somebody set the clock back) is stale.
[[nodiscard]] std::shared_ptr<store::Response> decode(std::string_view bytes, store::Body body,
                                                      policy::Now now);

/// The name of a variant: its secondary key as bytes.
[[nodiscard]] std::string variant_name(const store::Response& response);

}  // namespace larder::tiers
