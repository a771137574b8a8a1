#include "server/descriptors.hpp"

#include <algorithm>
#include <limits>
#include <sys/resource.h>

namespace larder::server {

namespace {

// Descriptors beside those of clients and upstream connections: admin, listeners, files.
constexpr std::int64_t other_descriptors = 64;

}  // namespace

std::int64_t descriptor_bound(const settings::Settings& settings) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::int64_t>::max();
  const auto files = static_cast<std::int64_t>(limit.rlim_cur);
  const auto others = static_cast<std::int64_t>(settings.upstream.connections) + other_descriptors;
  return std::max(files - others, files / 2);
}

}  // namespace larder::server
