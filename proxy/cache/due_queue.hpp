// Names ordered by the time when they are due. The cost of `due` does not depend on how many are not due.
//
// Pure. Not thread-safe.
#pragma once

#include "policy/time.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace larder::cache {

class DueQueue {
 public:
  /// Replaces the time that was set for that name before, without an allocation. If an allocation fails, the
  /// queue is unchanged.
  void set(const std::string& name, policy::MonoTime due) {
    const auto [at, is_new] = times_.try_emplace(name, due);
    if (is_new) {
      try {
        order_.emplace(due, &at->first);
      } catch (...) {
        times_.erase(at);
        throw;
      }
      return;
    }
    auto place = order_.extract({at->second, &at->first});
    place.value().first = due;
    at->second = due;
    order_.insert(std::move(place));
  }
  void erase(const std::string& name) {
    const auto at = times_.find(name);
    if (at == times_.end()) return;
    order_.erase({at->second, &at->first});
    times_.erase(at);
  }

  /// The names that are due at `now`, at most `limit`, the earliest first. They remain in the queue.
  [[nodiscard]] std::vector<std::string> due(policy::MonoTime now, std::size_t limit) const {
    std::vector<std::string> names;
    for (auto at = order_.begin(); at != order_.end() && at->first <= now && names.size() < limit; ++at)
      names.push_back(*at->second);
    return names;
  }
  /// The time of the next one; nullopt if the queue is empty.
  [[nodiscard]] std::optional<policy::MonoTime> next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }

 private:
  std::map<std::string, policy::MonoTime> times_;
  std::set<std::pair<policy::MonoTime, const std::string*>> order_;  // names in times_
};

}  // namespace larder::cache
