// What stands behind the cache's memory: consulted when a fill begins, never on a hit.
//
// Threading: every member function from any thread; none of them waits.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace larder::tiers {

class Tier {
 public:
  virtual ~Tier() = default;
  Tier(const Tier&) = delete;
  Tier& operator=(const Tier&) = delete;

  /// False while nothing that is asked for can be found here.
  [[nodiscard]] virtual bool may_find() const noexcept = 0;
  /// Stores in memory what the tier has for a primary key, then calls `done`, on a thread of the tier's, with
  /// whether it had anything. `done` must not throw; it may never be called when the process ends.
  virtual void find(const std::string& key, std::function<void(bool found)> done) = 0;
  /// What is stored in memory for a key has changed; `hash` is the store's.
  virtual void changed(const std::string& key, std::uint64_t hash) = 0;

 protected:
  Tier() = default;
};

}  // namespace larder::tiers
