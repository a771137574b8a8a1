// The entity tag of bytes that larder sends: strong, XXH3-128 over them (RFC 9110 8.8.1).
#pragma once

#include <string>
#include <string_view>

namespace larder::projection {

/// `"` + 32 hexadecimal digits + `"`. Equal bytes have equal tags, in every process and on every machine.
[[nodiscard]] std::string make_entity_tag(std::string_view body);

/// The same for bytes of which some were left out before: weak, as the bytes sent may differ (RFC
/// 9110 8.8.1).
[[nodiscard]] std::string make_weak_entity_tag(std::string_view compared);

}  // namespace larder::projection
