// What is to be done when, ordered by time: taking what is due costs nothing for what is not.
//
// Pure. Threading: none of its own.
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
  /// In place of the time that was set for that name before.
  void set(const std::string& name, policy::MonoTime due) {
    const auto [at, is_new] = times_.try_emplace(name, due);
    if (!is_new) {
      order_.erase({at->second, &at->first});
      at->second = due;
    }
    order_.emplace(due, &at->first);
  }
  void erase(const std::string& name) {
    const auto at = times_.find(name);
    if (at == times_.end()) return;
    order_.erase({at->second, &at->first});
    times_.erase(at);
  }

  /// The names that are due at `now`, at most `limit` of them, the earliest first. They stay in the queue.
  [[nodiscard]] std::vector<std::string> due(policy::MonoTime now, std::size_t limit) const {
    std::vector<std::string> names;
    for (auto at = order_.begin(); at != order_.end() && at->first <= now && names.size() < limit; ++at)
      names.push_back(*at->second);
    return names;
  }
  /// When the next one is due.
  [[nodiscard]] std::optional<policy::MonoTime> next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }

 private:
  std::map<std::string, policy::MonoTime> times_;
  std::set<std::pair<policy::MonoTime, const std::string*>> order_;  // names in times_
};

}  // namespace larder::cache
