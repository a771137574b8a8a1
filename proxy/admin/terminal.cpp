#include "admin/terminal.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace larder::admin {

namespace {

constexpr const char* take_over = "\x1b[?1049h\x1b[?25l";
constexpr const char* give_back = "\x1b[?25h\x1b[?1049l";

// The only state that signal handlers write.
volatile std::sig_atomic_t signalled = 0;

termios as_it_was;

void note(int) {
  signalled = 1;
}
void wake(int) {}

void on(int signal, void (*what)(int)) {
  struct sigaction action {};
  action.sa_handler = what;  // without SA_RESTART, so that poll(2) returns
  sigemptyset(&action.sa_mask);
  (void)::sigaction(signal, &action, nullptr);
}

}  // namespace

Terminal::Terminal() : is_screen_(::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) on(signal, note);
  if (!is_screen_) return;
  on(SIGWINCH, wake);
  (void)::tcgetattr(STDIN_FILENO, &as_it_was);
  termios keys = as_it_was;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys);
  std::fputs(take_over, stdout);
  std::fflush(stdout);
}

Terminal::~Terminal() {
  if (!is_screen_) return;
  std::fputs(give_back, stdout);
  std::fflush(stdout);
  (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
}

Screen Terminal::size() const {
  winsize window{};
  if (!is_screen_) return {120, 1'000'000};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::show(const std::string& frame) {
  std::string out;
  if (is_screen_) {
    // Overwrites line by line instead of clearing the screen, to avoid flicker.
    out = "\x1b[H";
    for (const char c : frame) {
      if (c == '\n') out += "\x1b[K\r";
      out += c;
    }
    if (out.ends_with('\n')) out.pop_back();
    out += "\x1b[J";
  } else {
    out = frame + "\n";
  }
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

char Terminal::key(std::chrono::milliseconds timeout) {
  if (signalled != 0) return ended;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const bool listens = is_screen_ && has_keys_;
  const auto ready = ::poll(&input, listens ? 1 : 0, static_cast<int>(timeout.count()));
  if (signalled != 0) return ended;
  if (ready <= 0) return nothing;
  char pressed = nothing;
  if (::read(STDIN_FILENO, &pressed, 1) != 1) has_keys_ = false;
  return pressed;
}

}  // namespace larder::admin
