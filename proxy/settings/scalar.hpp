// Scalars of the configuration file: parsing and formatting of durations, sizes and numbers; suggestions for
// misspelt words.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// Parses `250ms`, `30s`, `5m` or `1h`: a whole number and a unit. nullopt and the remedy in `error` if it is
/// invalid.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                                      std::string& error);
/// Parses `512B`, `64KiB`, `16MiB` or `1GiB`.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error);
/// Parses a number of digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::string& error);

/// The shortest form: `30s`, not `30000ms`.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds value);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// Replaces control characters by \xNN.
[[nodiscard]] std::string printable(std::string_view text);
/// User input for a message: printable, in quotes, truncated if long.
[[nodiscard]] std::string in_quotes(std::string_view text);
/// A text as a YAML scalar: in double quotes if it would have another meaning without.
[[nodiscard]] std::string yaml_text(std::string_view text);

/// The parts one after the other.
[[nodiscard]] std::string concatenated(std::initializer_list<std::string_view> parts);

using Words = std::vector<std::string_view>;
/// `a, b, c`
[[nodiscard]] std::string joined(const Words& words);
/// The candidate nearest to `word` if it is similar enough, else empty. Case is ignored, and `-` is equal to
/// `_`.
[[nodiscard]] std::string_view nearest(std::string_view word, const Words& candidates);

}  // namespace larder::settings
