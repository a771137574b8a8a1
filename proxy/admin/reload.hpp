// The response of POST /api/reload, and its parser for `larder reload`.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace larder::admin {

/// The result of a reload.
struct ReloadReport {
  bool ok = false;
  std::vector<std::string>
      messages;  // problems, formatted as by `larder check`, and changes that require a restart
};

/// `{"reloaded": true, "messages": [...]}`
[[nodiscard]] std::string reload_json(const ReloadReport& report);
/// nullopt if the text is not such a response.
[[nodiscard]] std::optional<ReloadReport> read_reload_json(const std::string& json);

}  // namespace larder::admin
