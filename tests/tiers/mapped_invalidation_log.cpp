#include "tiers/mapped_invalidation_log.hpp"

#include "support.hpp"

#include <filesystem>
#include <fstream>

using namespace larder;
using store::Validity;
using test::Directory;
using tiers::MappedInvalidationLog;

namespace {

std::unique_ptr<MappedInvalidationLog> open(const std::string& path, std::string& warning) {
  auto opened = MappedInvalidationLog::open(path, warning);
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
  { REQUIRE(open(path, warning)); }
  // The state after a restart of the machine while the process was running.
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(40);
  file.write("another boot", 13);
  file.seekp(104);
  const std::uint64_t in_use = 0;
  file.write(reinterpret_cast<const char*>(&in_use), sizeof in_use);
  file.close();
  const auto again = open(path, warning);
  REQUIRE(again);
  CHECK(again->may_lack_invalidations());
}
