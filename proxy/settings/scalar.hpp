// Scalars of the configuration file: durations, sizes, numbers; how they are written; and words that are
// nearly right.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::settings {

/// `250ms`, `30s`, `5m`, `1h`: a whole number and a unit. nullopt and what to write instead in `error`.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                                      std::string& error);
/// `512B`, `64KiB`, `16MiB`, `1GiB`.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error);
/// Digits alone.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::string& error);

/// The shortest way to write it: `30s`, not `30000ms`.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds value);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// Control characters as \xNN.
[[nodiscard]] std::string printable(std::string_view text);
/// What somebody wrote, as a message shows it: printable, in quotes, cut where it is long.
[[nodiscard]] std::string in_quotes(std::string_view text);
/// A text as YAML would have it: as it is, or in double quotes where it would mean something else.
[[nodiscard]] std::string yaml_text(std::string_view text);

using Words = std::vector<std::string_view>;
/// `a, b, c`
[[nodiscard]] std::string joined(const Words& words);
/// The candidate that is nearest to `word`, if it is near enough to have been meant; empty otherwise. Case
/// does not count, nor does `-` in the place of `_`.
[[nodiscard]] std::string_view nearest(std::string_view word, const Words& candidates);

}  // namespace larder::settings
