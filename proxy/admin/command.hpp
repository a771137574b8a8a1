// The commands that speak to a running larder. Each says what it has to say, what is wrong on standard error,
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

/// Which larder is meant: the one that runs with the file, or what listens at `admin` where that is not
/// empty. Its token is the file's, or the environment's LARDER_ADMIN_TOKEN.
struct AdminTarget {
  std::string file;
  std::string admin;
};

/// What a running larder says, where one can be reached; else what the file alone says.
[[nodiscard]] int explain_command(const AdminTarget& whom, const Question& question, bool json);
[[nodiscard]] int purge_command(const AdminTarget& whom, const policy::Purge& what, bool json);
[[nodiscard]] int reload_command(const AdminTarget& whom, bool json);
[[nodiscard]] int status_command(const AdminTarget& whom, bool json);
/// Until `q`, a signal, or after `frames` of them where that is not 0.
[[nodiscard]] int top_command(const AdminTarget& whom, std::chrono::milliseconds interval,
                              std::size_t frames);

}  // namespace larder::admin
