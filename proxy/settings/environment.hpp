// Expands `${NAME}` in values of the configuration. Internal to this module.
#pragma once

#include <optional>
#include <string>

namespace larder::settings {

/// The text with each `${NAME}` replaced by the environment variable, `${NAME:-text}` by `text` if the
/// variable is unset or empty, and `$${` by `${`. nullopt and a message in `error` if a variable is unset or
/// a brace is not closed.
[[nodiscard]] std::optional<std::string> expand(const std::string& text, std::string& error);

}  // namespace larder::settings
