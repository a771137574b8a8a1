// What the machine allows the process: memory and file descriptors. `check` and the start warn where the
// settings ask for more.
#pragma once

#include "settings/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace larder::admin {

/// In bytes; nullopt = no limit, or not known.
struct MachineLimits {
  std::optional<std::uint64_t> memory;         // of the machine
  std::optional<std::uint64_t> cgroup;         // the least of the process's cgroup and those above it
  std::optional<std::uint64_t> address_space;  // RLIMIT_AS
  std::optional<std::uint64_t> files;  // RLIMIT_NOFILE, the hard limit: the start raises the soft one to it
};

/// Descriptors that larder needs beside connections: listeners, logs, event loops, `cache.persist`, and the
/// admin's connections.
inline constexpr std::uint64_t file_reserve = 128;

/// `root` is where /proc and /sys are found; another one is for tests. The resource limits are the process's.
[[nodiscard]] MachineLimits machine_limits(const std::string& root = "");

/// MemTotal of a /proc/meminfo.
[[nodiscard]] std::optional<std::uint64_t> total_memory(const std::string& meminfo_file);
/// The least memory limit of the cgroups in a /proc/self/cgroup (version 1 or 2) that are mounted at `mount`,
/// and of those above them.
[[nodiscard]] std::optional<std::uint64_t> cgroup_memory(const std::string& cgroup_file,
                                                         const std::string& mount);

/// One sentence for each setting that asks for more than there is.
[[nodiscard]] std::vector<std::string> warnings_about(const settings::Settings& settings,
                                                      const MachineLimits& limits);

/// Raises the soft limit of open files to the hard one. False if that was refused.
bool raise_file_limit() noexcept;

}  // namespace larder::admin
