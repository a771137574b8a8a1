// The terminal of `larder top`.
#pragma once

#include "admin/top.hpp"

#include <chrono>
#include <string>

namespace larder::admin {

/// If standard output is a terminal, switches to the alternate screen, unbuffered keys and a hidden cursor,
/// and restores all of it in the destructor, also after a signal: SIGINT, SIGTERM and SIGHUP are returned as
/// keys. Otherwise only writes. At most one instance may exist.
class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] bool is_screen() const noexcept { return is_screen_; }
  /// The current size; if there is no screen, a large width and no limit of lines.
  [[nodiscard]] Screen size() const;
  /// Replaces the previous frame.
  void show(const std::string& frame);

  static constexpr char ended = 'q';
  static constexpr char nothing = '\0';
  /// Waits for the next key: `nothing` if none comes within `timeout`, `ended` after a signal. A change of
  /// the window's size ends the wait.
  [[nodiscard]] char key(std::chrono::milliseconds timeout);

 private:
  bool is_screen_;
  bool has_keys_ = true;  // false once standard input has ended
};

}  // namespace larder::admin
