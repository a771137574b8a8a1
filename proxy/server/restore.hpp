// What outlives a restart: the archive is opened before the first request, and restored while requests are
// served.
#pragma once

#include "server/worker.hpp"

#include <memory>

namespace larder::server {

/// Opens the archive beside the invalidation log and begins to restore what is still of use: stored under the
/// same configuration, not invalidated, with its true age. A fault costs the persistence alone, and is
/// logged. Before the loops run, after the refresh scheduler has been started.
void restore(Shared& shared, std::shared_ptr<const settings::Settings> settings);

}  // namespace larder::server
