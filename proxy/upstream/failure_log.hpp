// What the log says when the API fails: each kind of failure at once, and what follows of it counted, once a
// minute. Of one loop.
#pragma once

#include "policy/time.hpp"
#include "upstream/failure.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>

namespace larder::upstream {

class FailureLog {
 public:
  static constexpr policy::Millis fold{60'000};
  /// Gets sentences to be logged as warnings.
  using Write = std::function<void(const std::string&)>;

  void set(Write write) { write_ = std::move(write); }
  void note(const Failure& failure, policy::MonoTime now);
  /// Says how many more there were, where a minute is over; to be called now and then.
  void look(policy::MonoTime now);
  /// At once: of the breaker's turns.
  void say(const std::string& sentence) const;

 private:
  struct Kind {
    std::optional<policy::MonoTime> since;
    std::size_t more = 0;
    std::string last;
  };
  Write write_;
  std::array<Kind, failure_kinds> kinds_;
};

}  // namespace larder::upstream
