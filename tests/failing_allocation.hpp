// Allocations that fail on purpose, for tests of what an out-of-memory condition leaves behind. Only the
// allocations of the thread that asks for it fail. Linking failing_allocation.cpp replaces the global
// operator new of a test program.
#pragma once

#include <cstddef>
#include <new>

namespace larder::test {

/// While one exists, the n-th allocation from its construction on throws std::bad_alloc; the others do not.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t n) noexcept;
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  /// How many allocations are left up to the one that fails; 0: none fails, or that one has.
  [[nodiscard]] static std::size_t remaining() noexcept;
  /// Whether there were that many allocations.
  [[nodiscard]] static bool has_failed() noexcept;
};

/// While one exists, allocations are neither counted nor fail: those of the test itself, inside of what it
/// tests.
class UncountedAllocations {
 public:
  UncountedAllocations() noexcept;
  ~UncountedAllocations();
  UncountedAllocations(const UncountedAllocations&) = delete;
  UncountedAllocations& operator=(const UncountedAllocations&) = delete;

 private:
  std::size_t left_;
};

/// For n = 1, 2, and so on: calls `prepare`, then, with a failure at its n-th allocation, `run` with what
/// `prepare` returned, then `check` with that and whether an allocation failed. Ends after a run in which
/// none did. `run` may throw std::bad_alloc. Returns the number of failures.
template <class Prepare, class Run, class Check>
std::size_t fail_each_allocation(Prepare prepare, Run run, Check check) {
  for (std::size_t n = 1;; ++n) {
    auto prepared = prepare();
    bool failed = false;
    {
      const FailingAllocation failing(n);
      try {
        run(*prepared);
      } catch (const std::bad_alloc&) {  // expected
      }
      failed = FailingAllocation::has_failed();
    }
    check(*prepared, failed);
    if (!failed) return n - 1;
  }
}

/// Calls `run` with a failure at its first allocation, at its second, and so on, until one run has none left
/// to fail. After each run that failed, `check` is called. `run` may throw std::bad_alloc. Returns the number
/// of failures.
template <class Run, class Check>
std::size_t fail_each_allocation(Run run, Check check) {
  for (std::size_t n = 1;; ++n) {
    bool failed = false;
    {
      const FailingAllocation failing(n);
      try {
        run();
      } catch (const std::bad_alloc&) {  // expected
      }
      failed = FailingAllocation::has_failed();
    }
    if (!failed) return n - 1;
    check();
  }
}

}  // namespace larder::test
