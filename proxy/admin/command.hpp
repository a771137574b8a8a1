// Commands that use a running larder. Each prints its result to standard output and errors to standard error,
// and returns the exit code.
#pragma once

#include "admin/explain.hpp"
#include "policy/purge.hpp"

#include <chrono>
#include <string>

namespace larder::admin {

inline constexpr int fine = 0;
inline constexpr int could_not_run = 1;
inline constexpr int bad_usage = 2;

/// Selects the running larder: the one that uses `file`, or the one at the address `admin` if that is not
/// empty. The token is that of the file, or the environment variable LARDER_ADMIN_TOKEN.
struct AdminTarget {
  std::string file;
  std::string admin;
};

/// Explains a request using a running larder if it can be reached, otherwise using the file alone.
[[nodiscard]] int explain_command(const AdminTarget& whom, const Question& question, bool json);
[[nodiscard]] int purge_command(const AdminTarget& whom, const policy::Purge& what, bool json);
[[nodiscard]] int reload_command(const AdminTarget& whom, bool json);
[[nodiscard]] int status_command(const AdminTarget& whom, bool json);
/// Runs until `q` or a signal, or for `frames` frames if that is not 0.
[[nodiscard]] int top_command(const AdminTarget& whom, std::chrono::milliseconds interval,
                              std::size_t frames);

}  // namespace larder::admin
