// What larder says of itself: to the journal with its levels, where that is what standard error leads to,
// else as lines with a time.
#pragma once

#include <string>

namespace larder::server {

/// Sets up the process's log; once, before anything is logged. `level` as the settings have it.
void set_up_log(const std::string& level);
/// From now on; from any thread.
void set_log_level(const std::string& level);

/// Standard error is the journal (systemd.exec(5), JOURNAL_STREAM).
[[nodiscard]] bool logs_to_journal() noexcept;

}  // namespace larder::server
