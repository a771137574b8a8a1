#include "tiers/mapped_invalidation_log.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>

namespace larder::tiers {

namespace {

constexpr std::size_t page = 4096;
constexpr char magic[16] = "larder writes 4";

std::uint64_t random_number() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random() | 1;
}

std::string failed(const std::string& what, const std::string& path) {
  return what + " " + path + ": " + std::strerror(errno);
}

}  // namespace

struct MappedInvalidationLog::Layout {
  // Without padding, so that the check is of every byte before it.
  struct Header {
    char magic[16];
    std::uint64_t size;
    std::uint64_t seed;
    std::uint64_t generation;
    char boot[64];
    std::uint64_t clean;  // 1 = closed properly
    policy::KeyedHash::Secret secret;
    std::uint64_t check;

    [[nodiscard]] std::uint64_t expected_check() const noexcept {
      return XXH3_64bits(this, offsetof(Header, check));
    }
    void set_boot(const std::string& name) noexcept {
      std::memset(boot, 0, sizeof boot);
      std::memcpy(boot, name.data(), std::min(name.size(), sizeof boot));
    }
    void set_clean(bool value) noexcept {
      clean = value ? 1 : 0;
      check = expected_check();
    }
  };
  static_assert(std::has_unique_object_representations_v<Header>);

  [[nodiscard]] static Header new_header() {
    Header made{};
    made.size = sizeof(Layout);
    made.seed = random_number();
    made.generation = random_number();
    made.secret = policy::KeyedHash::random_secret();
    std::memcpy(made.magic, magic, sizeof magic);
    return made;
  }

  Header header;
  std::array<char, page - sizeof(Header)> unused;  // the header is written to the disk alone
  store::InvalidationLog::Memory memory;

  [[nodiscard]] bool is_of_this_version() const noexcept {
    return std::memcmp(header.magic, magic, sizeof magic) == 0 && header.size == sizeof(Layout);
  }
  [[nodiscard]] bool is_sound() const noexcept {
    return header.check == header.expected_check() && store::InvalidationLog::is_sound(memory);
  }
};

std::string MappedInvalidationLog::current_boot() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

std::variant<std::unique_ptr<MappedInvalidationLog>, std::string> MappedInvalidationLog::open(
    const std::string& path, std::string& warning, const std::string& boot) {
  for (int attempt = 1;; ++attempt) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return failed("cannot open", path);
    auto file = std::unique_ptr<MappedInvalidationLog>(new MappedInvalidationLog(descriptor, nullptr));
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return path + ": another process uses it";
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return path + " is no file";
    const bool is_new = status.st_size == 0;
    const auto room = static_cast<off_t>(sizeof(Layout));
    if (is_new) {
      if (const int error = ::posix_fallocate(descriptor, 0, room); error != 0) {
        (void)::ftruncate(descriptor, 0);
        errno = error;
        return failed("no room for", path);
      }
    }
    void* mapped = MAP_FAILED;
    if (is_new || status.st_size == room)
      mapped = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    auto* layout = mapped == MAP_FAILED ? nullptr : static_cast<Layout*>(mapped);
    file->layout_ = layout;
    const bool is_ours = layout != nullptr && !is_new && layout->is_of_this_version();
    if (!is_new && (!is_ours || !layout->is_sound())) {
      std::string aside;
      if (attempt > 1 || !set_aside(path, {}, aside))
        return failed(path + " is no sound write log; cannot move", path);
      warning = path;
      warning +=
          is_ours ? " is damaged, so that writes may be missing in it" : " was no write log of this version";
      warning.append("; it is ").append(aside).append(" now, and nothing that was stored before is used");
      file->layout_ = nullptr;
      if (layout != nullptr) ::munmap(layout, sizeof(Layout));
      continue;
    }
    if (layout == nullptr) return failed("cannot map", path);
    auto header = layout->header;
    if (is_new) {
      header = Layout::new_header();
    } else {
      const bool same_boot =
          !boot.empty() && boot == std::string(header.boot, ::strnlen(header.boot, sizeof header.boot));
      file->may_lack_invalidations_ = header.clean != 1 && !same_boot;
    }
    header.set_boot(boot);
    header.set_clean(false);
    layout->header = header;
    // After this is on the disk, a crash of the machine can be detected.
    (void)::msync(layout, page, MS_SYNC);
    return file;
  }
}

std::unique_ptr<MappedInvalidationLog> MappedInvalidationLog::in_memory() {
  void* memory = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* layout = static_cast<Layout*>(memory);
  layout->header = Layout::new_header();
  return std::unique_ptr<MappedInvalidationLog>(new MappedInvalidationLog(-1, layout));
}

std::string MappedInvalidationLog::move_to_file(
    const std::string& path, const std::function<void(const std::function<void()>&)>& exclusively) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return failed("cannot open", path);
  void* mapped = MAP_FAILED;
  const auto give_up = [&](std::string why) {
    if (mapped != MAP_FAILED) ::munmap(mapped, sizeof(Layout));
    ::close(descriptor);
    return why;
  };
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return give_up(path + ": another process uses it");
  // Without the blocks that another version of the file had.
  if (::ftruncate(descriptor, 0) != 0) return give_up(failed("cannot write", path));
  if (const int error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(sizeof(Layout))); error != 0) {
    (void)::ftruncate(descriptor, 0);
    errno = error;
    return give_up(failed("no room for", path));
  }
  mapped = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return give_up(failed("cannot map", path));
  auto* file = static_cast<Layout*>(mapped);
  file->header = layout_->header;
  file->header.set_boot(current_boot());
  file->header.set_clean(false);
  bool is_moved = false;
  exclusively([&] {
    // The bytes after the clock: fills advance it meanwhile, by far less than this.
    constexpr store::InvalidationLog::Sequence ahead = std::uint64_t{1} << 32;
    constexpr auto after_clock = offsetof(store::InvalidationLog::Memory, sum);
    std::memcpy(reinterpret_cast<std::byte*>(&file->memory) + after_clock,
                reinterpret_cast<const std::byte*>(&layout_->memory) + after_clock,
                sizeof(file->memory) - after_clock);
    file->memory.clock.store(layout_->memory.clock.load() + ahead);
    // Replaces the memory in one step: a thread reads either, and both say the same.
    is_moved = ::mmap(layout_, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor,
                      0) != MAP_FAILED;
  });
  if (!is_moved) return give_up(failed("cannot map", path));
  ::munmap(mapped, sizeof(Layout));
  descriptor_ = descriptor;
  return {};
}

MappedInvalidationLog::~MappedInvalidationLog() {
  if (is_in_memory()) {
    ::munmap(layout_, sizeof(Layout));
    return;
  }
  if (layout_ != nullptr) {
    if (::msync(layout_, sizeof(Layout), MS_SYNC) == 0) {
      layout_->header.set_clean(true);
      (void)::msync(layout_, page, MS_SYNC);
    }
    ::munmap(layout_, sizeof(Layout));
  }
  ::close(descriptor_);
}

store::InvalidationLog::Memory* MappedInvalidationLog::memory() const noexcept {
  return &layout_->memory;
}
std::uint64_t MappedInvalidationLog::seed() const noexcept {
  return layout_->header.seed;
}
const policy::KeyedHash::Secret& MappedInvalidationLog::secret() const noexcept {
  return layout_->header.secret;
}
std::uint64_t MappedInvalidationLog::generation() const noexcept {
  return layout_->header.generation;
}

bool set_aside(const std::string& path, std::initializer_list<const char*> endings, std::string& aside) {
  constexpr int most = 1000;
  for (int number = 1; number <= most; ++number) {
    aside = path + ".aside-" + std::to_string(number);
    struct stat status {};
    if (::lstat(aside.c_str(), &status) == 0) continue;
    if (::rename(path.c_str(), aside.c_str()) != 0) return false;
    for (const auto* ending : endings) (void)::rename((path + ending).c_str(), (aside + ending).c_str());
    return true;
  }
  errno = EEXIST;
  return false;
}

}  // namespace larder::tiers
