// The terminal that `larder top` has to itself for a while.
#pragma once

#include "admin/top.hpp"

#include <chrono>
#include <string>

namespace larder::admin {

/// Takes the terminal over where standard output is one: a screen of its own, keys at once, no cursor. Gives
/// it back as it was, also when a signal ends the program: SIGINT, SIGTERM and SIGHUP are keys here.
/// Elsewhere it only writes. One at a time.
class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] bool is_screen() const noexcept { return is_screen_; }
  /// What it is now; where there is no screen, wide and without end.
  [[nodiscard]] Screen size() const;
  /// In place of what was there before.
  void show(const std::string& frame);

  static constexpr char ended = 'q';
  static constexpr char nothing = '\0';
  /// The next key within that time, `nothing` without one, `ended` after a signal. A change of the window's
  /// size ends the wait.
  [[nodiscard]] char key(std::chrono::milliseconds timeout);

 private:
  bool is_screen_;
  bool has_keys_ = true;  // until standard input ends
};

}  // namespace larder::admin
