// The process's log: lines with a priority if standard error is the journal, otherwise with a time stamp.
#pragma once

#include <string>

namespace larder::server {

/// Sets up the process's log. To be called once, before anything is logged. `level` as in the settings.
void set_up_log(const std::string& level);
/// Applies to later messages. Callable from any thread.
void set_log_level(const std::string& level);

/// Whether standard error is the journal (systemd.exec(5), JOURNAL_STREAM).
[[nodiscard]] bool logs_to_journal() noexcept;

}  // namespace larder::server
