// Structured field values (RFC 9651), as far as larder needs them: dictionaries and lists, parsed by the
// algorithms of the specification. If parsing fails, the whole field is invalid.
#pragma once

#include "http/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace larder::http {

/// A bare item (RFC 9651 3.3). For types that no field here uses, only the type is kept.
struct Token {
  std::string text;
};
struct OtherItem {
  enum class Type : std::uint8_t { decimal, bytes, date, display_string, inner_list };
  Type type = Type::decimal;
};
using BareItem = std::variant<std::int64_t, std::string, Token, bool, OtherItem>;

/// The members of a List (RFC 9651 3.1) in order, without parameters. Several lines are joined (4.2); without
/// a line, the list is empty. nullopt if the field is invalid.
[[nodiscard]] std::optional<std::vector<BareItem>> parse_list(Fields fields, std::string_view name);

struct DictionaryMember {
  std::string key;
  BareItem value;  // true if the member has no value
};
/// The members of a Dictionary (RFC 9651 3.2); as for parse_list. If a key occurs more than once, the last
/// value counts.
[[nodiscard]] std::optional<std::vector<DictionaryMember>> parse_dictionary(Fields fields,
                                                                            std::string_view name);

}  // namespace larder::http
