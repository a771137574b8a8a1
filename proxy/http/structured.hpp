// Structured field values (RFC 9651), as far as larder's fields need them: dictionaries and lists, read by
// the specification's algorithms. Anything that they do not accept makes the whole field invalid.
#pragma once

#include "http/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace larder::http {

/// A bare item (RFC 9651 3.3). Of the types that no field here uses only the type is kept.
struct Token {
  std::string text;
};
struct OtherItem {
  enum class Type : std::uint8_t { decimal, bytes, date, display_string, inner_list };
  Type type = Type::decimal;
};
using BareItem = std::variant<std::int64_t, std::string, Token, bool, OtherItem>;

/// The members of a List (3.1) without their parameters, in order. Several lines are one field (4.2), and no
/// line is the empty list; nullopt where the field is invalid.
[[nodiscard]] std::optional<std::vector<BareItem>> parse_list(Fields fields, std::string_view name);

struct DictionaryMember {
  std::string key;
  BareItem value;  // true where the member has none
};
/// The members of a Dictionary (3.2), likewise. Of a key that comes again the last value counts.
[[nodiscard]] std::optional<std::vector<DictionaryMember>> parse_dictionary(Fields fields,
                                                                            std::string_view name);

}  // namespace larder::http
