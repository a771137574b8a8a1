// HTTP dates (RFC 9110 5.6.7).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace larder::http {

/// Parses any of the three formats, IMF-fixdate, RFC 850 and asctime, case-insensitively; nullopt for
/// anything else, including a day that does not exist and a zone other than GMT. `now` resolves a two-digit
/// year: one that would be more than 50 years in the future is the most recent past year with those digits.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                 std::chrono::sys_seconds now);

/// Formats as IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_date(std::chrono::sys_seconds time);

}  // namespace larder::http
