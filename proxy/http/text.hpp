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

/// Removes the next element from the front of a comma-separated list. Commas inside quoted strings do not
/// separate, empty elements are skipped (RFC 9110 5.6.1.2), and white space around the element is removed.
/// Returns false at the end.
///
///   for (std::string_view rest = value, element; next_element(rest, element);) ...
[[nodiscard]] bool next_element(std::string_view& rest, std::string_view& element) noexcept;

/// Whether the list field, over all its lines, contains that token. Case-insensitive; parameters after `;`
/// are ignored.
[[nodiscard]] bool list_has(Fields fields, FieldId id, std::string_view token) noexcept;

/// The number of elements of a list field, over all its lines.
[[nodiscard]] std::size_t count_elements(Fields fields, FieldId id) noexcept;

/// The content of a quoted string, unescaped; nullopt if `text` is not exactly one quoted string.
[[nodiscard]] std::optional<std::string> unquote(std::string_view text);

/// Length in bytes of the well-formed UTF-8 sequence at the front of `text` (RFC 3629 4); 0 if there is none.
/// `text` must not be empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

/// Parses a non-negative decimal number of digits only; nullopt for anything else. An overflow gives the
/// largest value.
[[nodiscard]] std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept;

}  // namespace larder::http
