// Time as policy sees it: an argument, never a clock.
//
// Ages and lifetimes run on the monotonic clock, so that a stepped wall clock neither expires nor revives
// anything. The wall clock is only for what HTTP dates say, at the moment a response is received.
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
