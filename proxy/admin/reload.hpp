// What POST /api/reload answers, and how `larder reload` reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace larder::admin {

/// What became of new settings.
struct ReloadReport {
  bool ok = false;
  std::vector<std::string> messages;  // problems, as `larder check` writes them; what requires a restart
};

/// `{"reloaded": true, "messages": [...]}`
[[nodiscard]] std::string reload_json(const ReloadReport& report);
/// nullopt where the text is no such answer.
[[nodiscard]] std::optional<ReloadReport> read_reload_json(const std::string& json);

}  // namespace larder::admin
