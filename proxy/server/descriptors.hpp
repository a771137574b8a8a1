// How many clients the limit of open files allows.
#pragma once

#include "settings/settings.hpp"

#include <cstdint>

namespace larder::server {

/// RLIMIT_NOFILE, less what connections to the API, the admin listener and files need. Callable from any
/// thread.
[[nodiscard]] std::int64_t descriptor_bound(const settings::Settings& settings) noexcept;

}  // namespace larder::server
