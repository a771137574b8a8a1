#include "admin/machine_limits.hpp"

#include "settings/scalar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>
#include <sys/resource.h>

namespace larder::admin {

namespace {

using Limit = std::optional<std::uint64_t>;

Limit number_in(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return std::nullopt;
  text.remove_prefix(from);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? Limit(value) : std::nullopt;
}

// The number that a file consists of; nullopt for other content, such as `max`.
Limit number_of_file(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  return std::getline(in, line) ? number_in(line) : std::nullopt;
}

void lower(Limit& limit, Limit other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

bool lists(std::string_view controllers, std::string_view name) {
  while (!controllers.empty()) {
    const auto comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == name) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// Version 1 has this, rounded to pages, where there is no limit.
constexpr std::uint64_t unlimited_v1 = std::uint64_t{1} << 62;

// In a container, the path may be one that can be seen only outside of it; then the mount is the container's
// own cgroup, and its file counts.
Limit least_above(const std::string& mount, std::string path, const char* file) {
  Limit least;
  while (true) {
    if (path == "/") path.clear();
    lower(least, number_of_file(mount + path + "/" + file));
    if (path.empty()) break;
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
  return least && *least < unlimited_v1 ? least : std::nullopt;
}

Limit resource_limit(decltype(RLIMIT_AS) resource, bool hard) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return std::nullopt;
  const auto value = hard ? limit.rlim_max : limit.rlim_cur;
  return value == RLIM_INFINITY ? std::nullopt : Limit(value);
}

}  // namespace

Limit total_memory(const std::string& meminfo_file) {
  constexpr std::string_view name = "MemTotal:";
  constexpr std::uint64_t kibibyte = 1024;
  std::ifstream in(meminfo_file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const auto value = number_in(std::string_view(line).substr(name.size()));
    return value ? Limit(*value * kibibyte) : std::nullopt;
  }
  return std::nullopt;
}

Limit cgroup_memory(const std::string& cgroup_file, const std::string& mount) {
  Limit least;
  std::ifstream in(cgroup_file);
  // `0::PATH` in version 2, and `NUMBER:CONTROLLERS:PATH` in version 1.
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (path.find("..") != std::string::npos) continue;
    if (line.starts_with("0::"))
      lower(least, least_above(mount, path, "memory.max"));
    else if (lists(controllers, "memory"))
      lower(least, least_above(mount + "/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

MachineLimits machine_limits(const std::string& root) {
  return {total_memory(root + "/proc/meminfo"),
          cgroup_memory(root + "/proc/self/cgroup", root + "/sys/fs/cgroup"),
          resource_limit(RLIMIT_AS, false), resource_limit(RLIMIT_NOFILE, true)};
}

std::vector<std::string> warnings_about(const settings::Settings& settings, const MachineLimits& limits) {
  std::vector<std::string> warnings;
  const auto memory = std::uint64_t{settings.cache.memory};
  const auto compare = [&](Limit limit, const char* whose, const char* remedy) {
    if (limit && memory > *limit)
      warnings.push_back(fmt::format("cache.memory is {}, and {} {}; before the cache is full, {}",
                                     settings::format_size(memory), whose, settings::format_size(*limit),
                                     remedy));
  };
  compare(limits.memory, "the machine has",
          "the machine runs out of memory: set cache.memory to at most half of what it has");
  compare(limits.cgroup, "the memory limit of larder's cgroup (memory.max) is",
          "the kernel ends larder: lower cache.memory, or raise the limit (MemoryMax of the service, or the "
          "container's)");
  compare(limits.address_space, "the limit of larder's address space (RLIMIT_AS) is",
          "allocations fail: lower cache.memory, or raise the limit (LimitAS of the service, or ulimit -v)");
  const auto clients = std::uint64_t{settings.limits.connections};
  const auto upstream = std::uint64_t{settings.upstream.connections};
  const auto needed = clients + upstream + file_reserve;
  if (limits.files && needed > *limits.files)
    warnings.push_back(
        fmt::format("limits.connections ({}) and upstream.connections ({}) need {} open files, {} of them "
                    "for other purposes, "
                    "and the limit is {}; raise it (LimitNOFILE of the service, or ulimit -n), or lower "
                    "limits.connections",
                    clients, upstream, needed, file_reserve, *limits.files));
  return warnings;
}

bool raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  if (limit.rlim_cur == limit.rlim_max) return true;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace larder::admin
