// A disk that fails on request, for SQLite: a VFS around the system's, which becomes the default one of the
// program.
#pragma once

#include <cstddef>

namespace larder::test {

class FailingDisk {
 public:
  enum class Kind : unsigned char {
    once,  // one operation fails with an I/O error
    full,  // from that operation on, every write fails with SQLITE_FULL
  };
  /// While one exists, the n-th operation (open, read, write, sync, truncate, delete, size, lock) of any
  /// thread fails. One at a time.
  explicit FailingDisk(std::size_t n, Kind kind = Kind::once);
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  /// Whether there were that many operations.
  [[nodiscard]] static bool has_failed() noexcept;
};

}  // namespace larder::test
