#include "upstream/failure_log.hpp"

namespace larder::upstream {

void FailureLog::note(const Failure& failure, policy::MonoTime now) {
  look(now);
  auto& kind = kinds_[static_cast<std::size_t>(failure.kind)];
  if (kind.since) {
    ++kind.more;
    kind.last = failure.sentence();
    return;
  }
  kind.since = now;
  say(failure.sentence());
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
