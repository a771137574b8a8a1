// Entity tags of bodies that larder sends: strong, the XXH3-128 of the bytes (RFC 9110 8.8.1).
#pragma once

#include <string>
#include <string_view>

namespace larder::projection {

/// 32 hexadecimal digits in quotes. Equal bytes have equal tags, in every process and on every machine.
[[nodiscard]] std::string make_entity_tag(std::string_view body);

/// The same, as a weak tag, for bytes of which some members were left out before comparing: bodies with that
/// tag may differ in those members (RFC 9110 8.8.1).
[[nodiscard]] std::string make_weak_entity_tag(std::string_view compared);

}  // namespace larder::projection
