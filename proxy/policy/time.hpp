// Types for time. Decisions take the time as an argument and never read a clock.
//
// Ages and lifetimes use the monotonic clock, so that setting the wall clock neither expires responses nor
// makes them fresh again. The wall clock is used only to compare with HTTP dates.
#pragma once

#include <chrono>

namespace larder::policy {

using Millis = std::chrono::milliseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Millis>;
using WallTime = std::chrono::sys_time<Millis>;

struct Now {
  WallTime wall;
  MonoTime mono;
};

}  // namespace larder::policy
