// The write log in a file: what writes made void stays void when the process is killed.
//
// Model: the file is the write log's memory, mapped. A write leaves its number there as it does in ordinary
// memory, and the system keeps the pages when the process ends, however it ends; nobody waits for a disk.
// Only a machine that goes down may lose pages: then nothing that was persisted is served as though it held.
// The file's blocks are reserved when it is made, so that a disk which fills up later does no harm. One
// process has it at a time.
#pragma once

#include "policy/keyed_hash.hpp"
#include "store/invalidation_log.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace larder::tiers {

class MappedInvalidationLog {
 public:
  /// Opens or makes the file; what is no write log of this version is set aside (a sentence in `warning`). A
  /// sentence where that cannot be.
  [[nodiscard]] static std::variant<std::unique_ptr<MappedInvalidationLog>, std::string> open(
      const std::string& path, std::string& warning);
  ~MappedInvalidationLog();
  MappedInvalidationLog(const MappedInvalidationLog&) = delete;
  MappedInvalidationLog& operator=(const MappedInvalidationLog&) = delete;

  [[nodiscard]] store::InvalidationLog::Memory* memory() const noexcept;
  /// Of the store's hash: the slots are by hash.
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// Of the hashes of credentials and cookies in keys.
  [[nodiscard]] const policy::KeyedHash::Secret& secret() const noexcept;
  /// Which log it is: what was stored beside another one cannot be judged by this.
  [[nodiscard]] std::uint64_t generation() const noexcept;
  /// The machine went down since, and not all that was written may be there.
  [[nodiscard]] bool may_lack_invalidations() const noexcept { return may_lack_invalidations_; }

 private:
  struct Layout;
  MappedInvalidationLog(int descriptor, Layout* layout) : descriptor_(descriptor), layout_(layout) {}

  int descriptor_;
  Layout* layout_;
  bool may_lack_invalidations_ = false;
};

/// Renames a file, and what belongs to it (`path` with one of the endings), to a name of its own:
/// `path.aside-1`. False where that cannot be.
[[nodiscard]] bool set_aside(const std::string& path, std::initializer_list<const char*> endings,
                             std::string& aside);

}  // namespace larder::tiers
