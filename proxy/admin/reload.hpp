// What POST /api/reload answers, and how `larder reload` reads it.
#pragma once

#include "admin/admin.hpp"

#include <string>

namespace larder::admin {

/// `{"reloaded": true, "messages": [...]}`
[[nodiscard]] std::string reload_json(const ReloadReport& report);
/// nullopt where the text is no such answer.
[[nodiscard]] std::optional<ReloadReport> read_reload_json(const std::string& json);

}  // namespace larder::admin
