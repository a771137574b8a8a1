// A pool of objects that are needed only while a request is handled: an idle connection does not hold one,
// and acquiring one does not allocate.
#pragma once

#include <memory>
#include <vector>

namespace larder {

/// Belongs to one loop. Objects are not reset: an acquired object has the state in which it was released.
template <class Object>
class ObjectPool {
 public:
  ObjectPool() { free_.reserve(max_kept); }
  [[nodiscard]] std::unique_ptr<Object> acquire() {
    if (free_.empty()) return std::make_unique<Object>();
    auto object = std::move(free_.back());
    free_.pop_back();
    return object;
  }
  void release(std::unique_ptr<Object> object) noexcept {
    if (object && free_.size() < max_kept) free_.push_back(std::move(object));
  }

 private:
  static constexpr std::size_t max_kept = 64;
  std::vector<std::unique_ptr<Object>> free_;
};

}  // namespace larder
