// `${NAME}` in the configuration's values. Of this room alone.
#pragma once

#include <optional>
#include <string>

namespace larder::settings {

/// The text with each `${NAME}` replaced by that variable of the environment, `${NAME:-text}` by the text
/// where it is not set or empty, and `$${` by `${`. nullopt and a sentence in `error` where a variable is not
/// set, or the braces do not close.
[[nodiscard]] std::optional<std::string> expand(const std::string& text, std::string& error);

}  // namespace larder::settings
