// What outlives a restart: opened, and read back into the store, before the first request.
#pragma once

#include "server/worker.hpp"

namespace larder::server {

/// Opens the archive beside the write log and stores what is still of use: made as the settings have it now,
/// not void, with its true age. Whatever goes wrong is said in the log and costs the persistence alone.
/// Before the loops run; the warmer has been started.
void restore(Shared& shared, const settings::Settings& settings);

}  // namespace larder::server
