// Objects that are lent again and again: what only a request under way needs is not kept by a connection at
// rest, and costs no allocation.
#pragma once

#include <memory>
#include <vector>

namespace larder {

/// On one loop. A lent object is as its last user left it.
template <class Object>
class ObjectPool {
 public:
  [[nodiscard]] std::unique_ptr<Object> acquire() {
    if (free_.empty()) return std::make_unique<Object>();
    auto object = std::move(free_.back());
    free_.pop_back();
    return object;
  }
  void release(std::unique_ptr<Object> object) {
    if (object && free_.size() < max_kept) free_.push_back(std::move(object));
  }

 private:
  static constexpr std::size_t max_kept = 64;
  std::vector<std::unique_ptr<Object>> free_;
};

}  // namespace larder
