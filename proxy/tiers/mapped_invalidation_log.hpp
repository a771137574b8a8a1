// The invalidation log in a file, so that invalidated responses stay invalid after the process is killed.
//
// Model: the file is mapped as the log's memory. A write stores its number there as in ordinary memory,
// without waiting for the disk, and the kernel keeps the pages when the process ends, even if it is killed.
// Pages can be lost only if the machine goes down; then persisted responses are served only if the API fails.
// The header and each slot have a check. A file that is damaged, or of another version, is set aside: the new
// one has another generation, so that nothing that was stored before is served (archive.hpp).
// The file's blocks are reserved when it is created, so that writing cannot fail on a full disk. One process
// uses the file at a time. Where there can be no file yet, the log is in memory alone, and move_to_file() is
// tried until it succeeds.
#pragma once

#include "policy/keyed_hash.hpp"
#include "store/invalidation_log.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace larder::tiers {

class MappedInvalidationLog {
 public:
  /// Opens or creates the file. A file that is not a sound invalidation log of this version is set aside,
  /// with a message in `warning`. Returns a message on failure. `boot` identifies the current boot of the
  /// machine; empty if unknown.
  [[nodiscard]] static std::variant<std::unique_ptr<MappedInvalidationLog>, std::string> open(
      const std::string& path, std::string& warning, const std::string& boot = current_boot());
  [[nodiscard]] static std::string current_boot();
  /// A log without a file. nullptr if there is no memory for it.
  [[nodiscard]] static std::unique_ptr<MappedInvalidationLog> in_memory();
  ~MappedInvalidationLog();
  MappedInvalidationLog(const MappedInvalidationLog&) = delete;
  MappedInvalidationLog& operator=(const MappedInvalidationLog&) = delete;

  [[nodiscard]] store::InvalidationLog::Memory* memory() const noexcept;
  /// The seed of the store's hash, which selects the slots.
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// The secret of the hashes of credentials and cookies in keys.
  [[nodiscard]] const policy::KeyedHash::Secret& secret() const noexcept;
  /// Identifies this log. Responses that were stored with another one cannot be judged by it.
  [[nodiscard]] std::uint64_t generation() const noexcept;
  [[nodiscard]] bool is_in_memory() const noexcept { return descriptor_ < 0; }
  /// Gives a log in memory its file; what the file had is gone. `exclusively` calls its argument while no
  /// invalidation is written (InvalidationLog::while_unwritten). Returns a message on failure. Other threads
  /// may use the log meanwhile.
  [[nodiscard]] std::string move_to_file(
      const std::string& path, const std::function<void(const std::function<void()>&)>& exclusively);
  /// The machine went down since the last use, and invalidations may be lost.
  [[nodiscard]] bool may_lack_invalidations() const noexcept { return may_lack_invalidations_; }

 private:
  struct Layout;
  MappedInvalidationLog(int descriptor, Layout* layout) : descriptor_(descriptor), layout_(layout) {}

  int descriptor_;  // -1 = in memory
  Layout* layout_;
  bool may_lack_invalidations_ = false;
};

/// Renames a file, and the files `path` + ending, to an unused name: `path.aside-1`. False on failure.
[[nodiscard]] bool set_aside(const std::string& path, std::initializer_list<const char*> endings,
                             std::string& aside);

}  // namespace larder::tiers
