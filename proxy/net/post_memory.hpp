// Posting to a loop without an allocation, so that it cannot fail for lack of memory.
#pragma once

#include "net/loop.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <memory>

namespace larder {

/// Memory for one posted function at a time. Must be a member of the object that the function keeps alive.
class PostMemory {
 public:
  /// Runs `call(owner)` on the loop. Callable from any thread. `owner` must contain this object. Must not be
  /// called again before the function has run.
  template <class Owner, class Call>
  void post(Loop& loop, std::shared_ptr<Owner> owner, Call call) noexcept {
    const Allocator<std::byte, Owner> allocator(*this, owner);
    asio::post(loop.executor(),
               asio::bind_allocator(allocator, [owner = std::move(owner), call]() mutable { call(*owner); }));
  }

 private:
  template <class T, class Owner>
  struct Allocator {
    using value_type = T;
    template <class U>
    struct rebind {
      using other = Allocator<U, Owner>;
    };
    Allocator(PostMemory& its_memory, std::shared_ptr<Owner> its_owner) noexcept
        : memory(its_memory), owner(std::move(its_owner)) {}
    template <class U>
    Allocator(const Allocator<U, Owner>& other) noexcept : memory(other.memory), owner(other.owner) {}

    [[nodiscard]] T* allocate([[maybe_unused]] std::size_t count) noexcept {
      static_assert(sizeof(T) <= sizeof(memory.bytes_) && alignof(T) <= alignof(std::max_align_t));
      assert(count == 1);
      return reinterpret_cast<T*>(memory.bytes_.data());
    }
    void deallocate(T*, std::size_t) noexcept {}
    template <class U>
    bool operator==(const Allocator<U, Owner>& other) const noexcept {
      return owner == other.owner;
    }

    PostMemory& memory;
    std::shared_ptr<Owner>
        owner;  // contains the memory, which is used until the last copy of this is destroyed
  };

  alignas(std::max_align_t) std::array<std::byte, 256> bytes_;
};

}  // namespace larder
