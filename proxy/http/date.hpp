// HTTP dates (RFC 9110 5.6.7).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace larder::http {

/// Reads any of the three forms, IMF-fixdate, RFC 850 and asctime, with letters in any case; nullopt for
/// anything else, a day that does not exist or a wrong zone included. `now` places a two-digit
/// year: one that seems more than 50 years ahead is the most recent past year with those digits.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                 std::chrono::sys_seconds now);

/// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_date(std::chrono::sys_seconds time);

}  // namespace larder::http
