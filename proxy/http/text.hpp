// Lists, tokens and quoted strings (RFC 9110 5.6).
#pragma once

#include "http/fields.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::http {

[[nodiscard]] bool is_token_char(char c) noexcept;
[[nodiscard]] bool is_token(std::string_view text) noexcept;
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;  // SP and HTAB only

/// Takes the next element off the front of a comma-separated list: commas inside quoted strings do not
/// separate, empty elements are skipped (RFC 9110 5.6.1.2), white space around an element is gone. False at
/// the end.
///
///   for (std::string_view rest = value, element; next_element(rest, element);) ...
[[nodiscard]] bool next_element(std::string_view& rest, std::string_view& element) noexcept;

/// True where the list field, over all of its lines, has that token (case-insensitive; parameters after `;`
/// ignored).
[[nodiscard]] bool list_has(Fields fields, FieldId id, std::string_view token) noexcept;

/// How many elements a list field has, over all of its lines.
[[nodiscard]] std::size_t count_elements(Fields fields, FieldId id) noexcept;

/// The content of a quoted string with its escapes undone; nullopt where `text` is not exactly one quoted
/// string.
[[nodiscard]] std::optional<std::string> unquote(std::string_view text);

/// Length in bytes of the well-formed UTF-8 sequence at the front of `text`, which is not empty (RFC 3629 4);
/// 0 where there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

/// A non-negative decimal of digits alone: nullopt for anything else, the largest value where it overflows.
[[nodiscard]] std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept;

}  // namespace larder::http
