// `larder top`: the activity of a running larder, as a table that is updated periodically.
#pragma once

#include "admin/snapshot.hpp"

#include <string>

namespace larder::admin {

enum class Order : unsigned char { rate, api_time, name };

struct Screen {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

/// Formats one frame within the columns and lines of the screen, each line with its end, without control
/// characters from outside. Rates are for the time between the two snapshots, or since the start if larder
/// was restarted in between. Routes without requests come last.
[[nodiscard]] std::string top_frame(const Snapshot& before, const Snapshot& now, Order order,
                                    const Screen& screen);

}  // namespace larder::admin
