// Rate-limited log of API failures: the first failure of each kind is logged at once, further ones are
// counted and logged once a minute. Belongs to one loop.
#pragma once

#include "policy/time.hpp"
#include "upstream/failure.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

class FailureLog {
 public:
  static constexpr policy::Millis fold{60'000};
  /// Writes a warning to the log.
  using Write = std::function<void(const std::string&)>;

  void set(Write write) { write_ = std::move(write); }
  /// What is logged for every request to the API; empty = nothing.
  void set_trace(Write write) { trace_ = std::move(write); }
  [[nodiscard]] bool is_tracing() const noexcept { return trace_ != nullptr; }
  void trace(const std::string& sentence) const { trace_(sentence); }
  /// `path` is that of the request, without its query, which may have secrets; empty if there is none.
  void note(const Failure& failure, std::string_view path, policy::MonoTime now);
  /// Logs the counts whose minute is over; to be called periodically.
  void look(policy::MonoTime now);
  /// Logs at once; for changes of the circuit breaker.
  void say(const std::string& sentence) const;

 private:
  struct Kind {
    std::optional<policy::MonoTime> since;
    std::size_t more = 0;
    std::string last;
  };
  Write write_;
  Write trace_;
  std::array<Kind, failure_kinds> kinds_;
};

}  // namespace larder::upstream
