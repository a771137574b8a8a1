// `larder top`: what a running larder does, as a table that is written again and again.
#pragma once

#include "admin/snapshot.hpp"

#include <string>

namespace larder::admin {

enum class Order : unsigned char { rate, api_time, name };

struct Screen {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

/// One frame: lines of at most so many columns, at most so many of them, each with its end; nothing in them
/// that a terminal would act on. Rates are over the time between the two snapshots; where larder was started
/// in between, since then. Routes without requests come last.
[[nodiscard]] std::string top_frame(const Snapshot& before, const Snapshot& now, Order order,
                                    const Screen& screen);

}  // namespace larder::admin
