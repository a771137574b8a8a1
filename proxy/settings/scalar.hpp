// Scalars of the configuration file: durations, sizes, numbers; and names that are nearly right.
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

/// The candidate that is nearest to `word`, if it is near enough to have been meant; empty otherwise.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

}  // namespace larder::settings
