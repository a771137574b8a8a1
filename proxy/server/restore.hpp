// Persistence: the archive is opened before the first request, and restored while requests are served.
#pragma once

#include "server/worker.hpp"

#include <memory>

namespace larder::server {

/// Opens the archive beside the invalidation log and begins to restore the responses that may still be used:
/// those with the same configuration fingerprint that are not invalidated, with their true age. If the file
/// cannot be opened, which is logged, the archive tries again, and begins empty then. To be called before the
/// loops run, after the refresh scheduler has been started.
void restore(Shared& shared, const std::shared_ptr<const settings::Settings>& settings);

}  // namespace larder::server
