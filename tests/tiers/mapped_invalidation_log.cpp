#include "tiers/mapped_invalidation_log.hpp"

#include "support.hpp"

#include <filesystem>
#include <fstream>

using namespace larder;
using store::Validity;
using test::Directory;
using tiers::MappedInvalidationLog;

namespace {

std::unique_ptr<MappedInvalidationLog> open(const std::string& path, std::string& warning,
                                            const std::string& boot = "boot") {
  auto opened = MappedInvalidationLog::open(path, warning, boot);
  if (auto* error = std::get_if<std::string>(&opened)) {
    warning = *error;
    return nullptr;
  }
  return std::move(std::get<std::unique_ptr<MappedInvalidationLog>>(opened));
}

}  // namespace

TEST_CASE("the content is kept when the file is opened again") {
  const Directory directory;
  const auto path = directory.file("writes");
  std::string warning;
  std::uint64_t seed = 0;
  std::uint64_t generation = 0;
  policy::Sequence sequence = 0;
  {
    const auto file = open(path, warning);
    REQUIRE(file);
    seed = file->seed();
    generation = file->generation();
    store::InvalidationLog log(file->memory());
    sequence = log.next_sequence();
    log.invalidate_path(1, Validity::invalid);
    log.invalidate_group(2, Validity::stale_once);
  }
  const auto file = open(path, warning);
  REQUIRE(file);
  CHECK(warning.empty());
  CHECK(file->seed() == seed);
  CHECK(file->generation() == generation);
  CHECK_FALSE(file->may_lack_invalidations());
  store::InvalidationLog log(file->memory());
  const std::vector<std::uint64_t> groups{2};
  CHECK(log.validity_of(sequence, 1, 5) == Validity::invalid);
  CHECK(log.validity_of(sequence, 3, 5, groups) == Validity::stale_once);
  CHECK(log.validity_of(sequence, 3, 5) == Validity::valid);
  CHECK(log.next_sequence() > sequence);
}

TEST_CASE("only one process can open the file at a time") {
  const Directory directory;
  const auto path = directory.file("writes");
  std::string warning;
  const auto first = open(path, warning);
  REQUIRE(first);
  CHECK_FALSE(open(path, warning));
  CHECK(warning.find("another process uses it") != std::string::npos);
}

TEST_CASE("a file that is not an invalidation log is renamed, each time to a different name") {
  const Directory directory;
  const auto path = directory.file("writes");
  for (int i = 1; i <= 3; ++i) {
    std::ofstream(path, std::ios::trunc) << "something else " << i;
    std::string warning;
    {
      const auto file = open(path, warning);
      REQUIRE(file);
    }
    const auto aside = path + ".aside-" + std::to_string(i);
    CHECK(warning.find(aside) != std::string::npos);
    CHECK(std::filesystem::file_size(aside) == 16);
  }
}

TEST_CASE("after a crash of the machine, writes may have been lost") {
  const Directory directory;
  const auto path = directory.file("writes");
  std::string warning;
  {
    auto file = open(path, warning, "first boot");
    REQUIRE(file);
    // What is on the disk while the file is in use.
    std::filesystem::copy_file(path, path + ".then");
  }
  std::filesystem::rename(path + ".then", path);
  SECTION("the process went down alone") {
    const auto again = open(path, warning, "first boot");
    REQUIRE(again);
    CHECK_FALSE(again->may_lack_invalidations());
  }
  SECTION("the machine went down") {
    const auto again = open(path, warning, "second boot");
    REQUIRE(again);
    CHECK(again->may_lack_invalidations());
  }
  CHECK(warning.empty());
}

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
}

struct Written {
  std::string content;
  std::uint64_t generation = 0;
  policy::Sequence sequence = 0;  // of a response that was fetched before the writes
};

// A log after two writes that invalidate a response of path 1, route 5.
Written two_writes(const std::string& path) {
  Written written;
  std::string warning;
  {
    const auto file = open(path, warning);
    REQUIRE(file);
    written.generation = file->generation();
    store::InvalidationLog log(file->memory());
    written.sequence = log.next_sequence();
    log.invalidate_path(1, Validity::invalid);
    log.invalidate_path(77, Validity::invalid);
    log.invalidate_route(5, Validity::only_on_error);
    log.invalidate_group(9, Validity::stale_once);
  }
  written.content = read(path);
  return written;
}

// Whether a response from before the writes would be served from an archive that belongs to the file.
bool would_serve_old(const std::string& path, const Written& written) {
  std::string warning;
  const auto file = open(path, warning);
  INFO(warning);
  REQUIRE(file);
  if (file->generation() != written.generation) {
    CHECK(warning.find(path + ".aside-1") != std::string::npos);
    std::filesystem::remove(path + ".aside-1");
    return false;
  }
  const store::InvalidationLog log(file->memory());
  return log.validity_of(written.sequence, 1, 5) != Validity::invalid;
}

}  // namespace

TEST_CASE("whichever byte of the file is damaged, no response from before a write is served") {
  const Directory directory("/dev/shm");
  const auto path = directory.file("writes");
  const auto written = two_writes(path);
  REQUIRE_FALSE(would_serve_old(path, written));
  // Every byte that is not zero and those around it, and a sample of the rest.
  std::size_t set_aside = 0;
  const auto harm = [&](std::size_t offset, char by) {
    auto content = written.content;
    content[offset] = static_cast<char>(content[offset] ^ by);
    write(path, content);
    const bool old = would_serve_old(path, written);
    INFO("damage at " << offset);
    CHECK_FALSE(old);
    if (read(path).substr(0, 64) != written.content.substr(0, 64)) ++set_aside;
  };
  const auto& content = written.content;
  for (std::size_t offset = 0; offset < content.size(); ++offset) {
    const auto from = offset - std::min<std::size_t>(offset, 8);
    const bool near = content.substr(from, 17).find_first_not_of('\0') != std::string::npos;
    if (near || offset % 7919 == 0) harm(offset, near ? '\x41' : '\x01');
  }
  CHECK(set_aside > 100);
}

TEST_CASE("a block of the file that was lost is noticed") {
  const Directory directory("/dev/shm");
  const auto path = directory.file("writes");
  const auto written = two_writes(path);
  constexpr std::size_t block = 512;
  std::size_t lost = 0;
  for (std::size_t offset = 0; offset + block <= written.content.size(); offset += block) {
    auto content = written.content;
    if (content.substr(offset, block).find_first_not_of('\0') == std::string::npos) continue;
    content.replace(offset, block, block, '\0');
    write(path, content);
    CHECK_FALSE(would_serve_old(path, written));
    ++lost;
  }
  CHECK(lost >= 4);
}

TEST_CASE("a file of an earlier version is set aside") {
  const Directory directory;
  const auto path = directory.file("writes");
  const auto written = two_writes(path);
  auto content = written.content;
  content[14] = '3';
  write(path, content);
  CHECK_FALSE(would_serve_old(path, written));
}

TEST_CASE("a log in memory gets its file later, with what was written until then") {
  const Directory directory;
  const auto path = directory.file("writes");
  std::uint64_t generation = 0;
  policy::Sequence before = 0;
  policy::Sequence between = 0;
  {
    const auto file = MappedInvalidationLog::in_memory();
    REQUIRE(file);
    CHECK(file->is_in_memory());
    generation = file->generation();
    store::InvalidationLog log(file->memory());
    before = log.next_sequence();
    const auto mark = log.mark_of_path(1);
    log.invalidate_path(1, Validity::invalid);
    log.invalidate_route(7, Validity::only_on_error);
    const auto exclusively = [&](const std::function<void()>& move) { log.while_unwritten(move); };
    CHECK_FALSE(file->move_to_file(directory.file("missing/writes"), exclusively).empty());
    CHECK(file->is_in_memory());
    between = log.next_sequence();
    CHECK(file->move_to_file(path, exclusively).empty());
    CHECK_FALSE(file->is_in_memory());
    CHECK(log.next_sequence() > between);
    CHECK(log.validity_of(before, *mark, 0, {}) == Validity::invalid);
    log.invalidate_path(2, Validity::invalid);
    std::string warning;
    CHECK_FALSE(open(path, warning));  // it is in use
  }
  std::string warning;
  const auto file = open(path, warning, MappedInvalidationLog::current_boot());
  REQUIRE(file);
  CHECK(warning.empty());
  CHECK(file->generation() == generation);
  CHECK_FALSE(file->may_lack_invalidations());
  store::InvalidationLog log(file->memory());
  CHECK(log.validity_of(before, 1, 0) == Validity::invalid);
  CHECK(log.validity_of(before, 3, 7) == Validity::only_on_error);
  CHECK(log.validity_of(between, 1, 7) == Validity::valid);
  CHECK(log.validity_of(between, 2, 0) == Validity::invalid);
}

TEST_CASE("a log that gets its file later replaces what another process left there") {
  const Directory directory;
  const auto path = directory.file("writes");
  std::ofstream(path) << std::string(10'000, 'x');
  const auto file = MappedInvalidationLog::in_memory();
  REQUIRE(file);
  store::InvalidationLog log(file->memory());
  CHECK(file->move_to_file(path, [&](const auto& move) { log.while_unwritten(move); }).empty());
  CHECK(store::InvalidationLog::is_sound(*file->memory()));
}
