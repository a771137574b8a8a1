#include "upstream/failure_log.hpp"

namespace larder::upstream {

namespace {

std::string text_of(const Failure& failure, std::string_view path) {
  constexpr std::size_t longest = 200;
  if (path.empty()) return failure.log_sentence();
  std::string text = "request to ";
  text.append(path.substr(0, longest)).append(path.size() > longest ? "...: " : ": ");
  return text + failure.log_sentence();
}

}  // namespace

void FailureLog::note(const Failure& failure, std::string_view path, policy::MonoTime now) {
  look(now);
  auto& kind = kinds_[static_cast<std::size_t>(failure.kind)];
  if (kind.since) {
    ++kind.more;
    kind.last = text_of(failure, path);
    return;
  }
  kind.since = now;
  say(text_of(failure, path));
}

void FailureLog::look(policy::MonoTime now) {
  for (auto& kind : kinds_) {
    if (!kind.since || now - *kind.since < fold) continue;
    if (kind.more == 0) {
      kind.since.reset();
      continue;
    }
    say(kind.last + " (" + std::to_string(kind.more) + (kind.more == 1 ? " time" : " times") +
        " more in the last minute)");
    kind.more = 0;
    kind.since = now;
  }
}

void FailureLog::say(const std::string& sentence) const {
  if (write_) write_(sentence);
}

}  // namespace larder::upstream
