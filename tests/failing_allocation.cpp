#include "failing_allocation.hpp"

#include <cstdlib>

namespace larder::test {

namespace {

thread_local std::size_t left = 0;  // allocations until the one that fails; 0 = none fails
thread_local bool failed = false;

void* allocate(std::size_t size, std::size_t alignment) {
  if (left != 0 && --left == 0) {
    failed = true;
    throw std::bad_alloc();
  }
  if (size == 0) size = 1;
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(size)
                     : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

FailingAllocation::FailingAllocation(std::size_t n) noexcept {
  failed = false;
  left = n;
}
FailingAllocation::~FailingAllocation() {
  left = 0;
}
std::size_t FailingAllocation::remaining() noexcept {
  return larder::test::left;
}
UncountedAllocations::UncountedAllocations() noexcept : left_(left) {
  left = 0;
}
UncountedAllocations::~UncountedAllocations() {
  left = left_;
}
bool FailingAllocation::has_failed() noexcept {
  return failed;
}

}  // namespace larder::test

void* operator new(std::size_t size) {
  return larder::test::allocate(size, 0);
}
void* operator new[](std::size_t size) {
  return larder::test::allocate(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return larder::test::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return larder::test::allocate(size, static_cast<std::size_t>(alignment));
}
// Without these, the sanitizers' own would allocate what the functions below free.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return larder::test::allocate(size, 0);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
