#include "failing_disk.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <sqlite3.h>

namespace larder::test {

namespace {

std::atomic<long> left{0};  // operations until the one that fails; not positive = none fails
std::atomic<bool> full{false};
std::atomic<bool> failed{false};

// SQLITE_OK, or the error of an operation that fails.
int fault(int error, bool is_write = false) noexcept {
  if (full.load() && failed.load()) return is_write ? SQLITE_FULL : SQLITE_OK;
  if (left.load() <= 0 || left.fetch_sub(1) != 1) return SQLITE_OK;
  failed = true;
  if (!full.load()) return error;
  return is_write ? SQLITE_FULL : SQLITE_OK;
}

sqlite3_vfs* system_vfs = nullptr;

// The system's file follows it in memory.
struct File {
  sqlite3_file base;
  [[nodiscard]] static sqlite3_file* inner(sqlite3_file* file) noexcept {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
  }
};

template <class Operation>
int unless_it_fails(int error, bool is_write, Operation operation) {
  const int code = fault(error, is_write);
  return code != SQLITE_OK ? code : operation();
}

const sqlite3_io_methods methods = [] {
  sqlite3_io_methods made{};
  made.iVersion = 1;  // without shared memory, which the archive's exclusive lock makes unnecessary
  made.xClose = [](sqlite3_file* file) {
    auto* inner = File::inner(file);
    return inner->pMethods->xClose(inner);
  };
  made.xRead = [](sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
    auto* inner = File::inner(file);
    return unless_it_fails(SQLITE_IOERR_READ, false,
                           [&] { return inner->pMethods->xRead(inner, to, size, at); });
  };
  made.xWrite = [](sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
    auto* inner = File::inner(file);
    return unless_it_fails(SQLITE_IOERR_WRITE, true,
                           [&] { return inner->pMethods->xWrite(inner, from, size, at); });
  };
  made.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
    auto* inner = File::inner(file);
    return unless_it_fails(SQLITE_IOERR_TRUNCATE, false,
                           [&] { return inner->pMethods->xTruncate(inner, size); });
  };
  // Not passed on: the tests would wait for the disk, and no machine goes down.
  made.xSync = [](sqlite3_file* /*file*/, int /*flags*/) { return fault(SQLITE_IOERR_FSYNC); };
  made.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
    auto* inner = File::inner(file);
    return unless_it_fails(SQLITE_IOERR_FSTAT, false,
                           [&] { return inner->pMethods->xFileSize(inner, size); });
  };
  made.xLock = [](sqlite3_file* file, int level) {
    auto* inner = File::inner(file);
    return unless_it_fails(SQLITE_IOERR_LOCK, false, [&] { return inner->pMethods->xLock(inner, level); });
  };
  made.xUnlock = [](sqlite3_file* file, int level) {
    auto* inner = File::inner(file);
    return inner->pMethods->xUnlock(inner, level);
  };
  made.xCheckReservedLock = [](sqlite3_file* file, int* out) {
    auto* inner = File::inner(file);
    return inner->pMethods->xCheckReservedLock(inner, out);
  };
  made.xFileControl = [](sqlite3_file* file, int what, void* argument) {
    auto* inner = File::inner(file);
    return inner->pMethods->xFileControl(inner, what, argument);
  };
  made.xSectorSize = [](sqlite3_file* file) {
    auto* inner = File::inner(file);
    return inner->pMethods->xSectorSize(inner);
  };
  made.xDeviceCharacteristics = [](sqlite3_file* file) {
    auto* inner = File::inner(file);
    return inner->pMethods->xDeviceCharacteristics(inner);
  };
  return made;
}();

void register_once() {
  static sqlite3_vfs vfs;
  static std::once_flag done;
  std::call_once(done, [] {
    system_vfs = sqlite3_vfs_find(nullptr);
    vfs = *system_vfs;
    vfs.zName = "failing";
    vfs.szOsFile = static_cast<int>(sizeof(File)) + system_vfs->szOsFile;
    vfs.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      file->pMethods = nullptr;
      if (const int code = fault(SQLITE_CANTOPEN); code != SQLITE_OK) return code;
      const int code = system_vfs->xOpen(system_vfs, name, File::inner(file), flags, out);
      if (code == SQLITE_OK) file->pMethods = &methods;
      return code;
    };
    vfs.xDelete = [](sqlite3_vfs*, const char* name, int sync) {
      return unless_it_fails(SQLITE_IOERR_DELETE, false,
                             [&] { return system_vfs->xDelete(system_vfs, name, sync); });
    };
    sqlite3_vfs_register(&vfs, 1);
  });
}

}  // namespace

FailingDisk::FailingDisk(std::size_t n, Kind kind) {
  register_once();
  failed = false;
  full = kind == Kind::full;
  left = static_cast<long>(n);
}

FailingDisk::~FailingDisk() {
  left = 0;
  full = false;
}

bool FailingDisk::has_failed() noexcept {
  return failed.load();
}

}  // namespace larder::test
