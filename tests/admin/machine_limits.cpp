#include "admin/machine_limits.hpp"

#include "../catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

using namespace larder;

namespace {

using Limit = std::optional<std::uint64_t>;
constexpr std::uint64_t mebibyte = 1024 * 1024;

// A directory that stands for the root of a machine.
class Root {
 public:
  Root() {
    std::string name = (std::filesystem::temp_directory_path() / "larder-limits-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  void write(const std::string& name, const std::string& content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  [[nodiscard]] admin::MachineLimits limits() const { return admin::machine_limits(path_.string()); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("the machine's memory is MemTotal") {
  const Root root;
  CHECK_FALSE(root.limits().memory);
  root.write("proc/meminfo", "MemTotal:        2048 kB\nMemFree:  100 kB\n");
  CHECK(root.limits().memory == Limit(2 * mebibyte));
  root.write("proc/meminfo", "MemTotal: none\n");
  CHECK_FALSE(root.limits().memory);
}

TEST_CASE("the cgroup's limit is the least of it and those above it") {
  const Root root;
  CHECK_FALSE(root.limits().cgroup);
  SECTION("version 2") {
    root.write("proc/self/cgroup", "0::/system.slice/larder.service\n");
    root.write("sys/fs/cgroup/system.slice/larder.service/memory.max", "max\n");
    CHECK_FALSE(root.limits().cgroup);
    root.write("sys/fs/cgroup/system.slice/memory.max", "3000000\n");
    CHECK(root.limits().cgroup == Limit(3'000'000));
    root.write("sys/fs/cgroup/system.slice/larder.service/memory.max", "2000000\n");
    CHECK(root.limits().cgroup == Limit(2'000'000));
    root.write("sys/fs/cgroup/system.slice/memory.max", "1000000\n");
    CHECK(root.limits().cgroup == Limit(1'000'000));
  }
  SECTION("version 2, in a container with a namespace of its own") {
    root.write("proc/self/cgroup", "0::/\n");
    root.write("sys/fs/cgroup/memory.max", "5000000\n");
    CHECK(root.limits().cgroup == Limit(5'000'000));
  }
  SECTION("version 1") {
    root.write("proc/self/cgroup", "9:cpu,cpuacct:/other\n4:memory:/docker/abc\n0::/x\n");
    root.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK_FALSE(root.limits().cgroup);
    root.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "4000000\n");
    root.write("sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1\n");
    CHECK(root.limits().cgroup == Limit(4'000'000));
  }
  SECTION("version 1, in a container that does not see the path") {
    root.write("proc/self/cgroup", "4:hugetlb,memory:/docker/abc\n");
    root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "6000000\n");
    CHECK(root.limits().cgroup == Limit(6'000'000));
  }
  SECTION("a path that leads out of the mount, and lines of another form") {
    root.write("proc/self/cgroup", "nothing\n1:memory\n\n0::/../../x\n");
    root.write("x/memory.max", "1\n");
    CHECK_FALSE(root.limits().cgroup);
  }
}

TEST_CASE("settings that ask for more than there is give a warning each") {
  settings::Settings settings;
  settings.cache.memory = 64 * mebibyte;
  settings.limits.connections = 1000;
  settings.upstream.connections = 50;
  const auto files = 1000 + 50 + admin::file_reserve;
  CHECK(admin::warnings_about(settings, {}).empty());
  CHECK(admin::warnings_about(settings, {64 * mebibyte, 64 * mebibyte, 64 * mebibyte, files}).empty());
  const auto warnings = admin::warnings_about(settings, {32 * mebibyte, 63 * mebibyte, mebibyte, files - 1});
  REQUIRE(warnings.size() == 4);
  CHECK(warnings[0].starts_with("cache.memory is 64MiB, and the machine has 32MiB;"));
  CHECK(warnings[1].starts_with(
      "cache.memory is 64MiB, and the memory limit of larder's cgroup (memory.max) is 63MiB;"));
  CHECK(warnings[2].starts_with(
      "cache.memory is 64MiB, and the limit of larder's address space (RLIMIT_AS) is 1MiB;"));
  CHECK(warnings[3].find("need 1178 open files") != std::string::npos);
  CHECK(warnings[3].find("the limit is 1177;") != std::string::npos);
}

TEST_CASE("the soft limit of open files is raised to the hard one") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  auto lowered = before;
  lowered.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  CHECK(admin::raise_file_limit());
  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  CHECK(admin::machine_limits().files == Limit(before.rlim_max));
  (void)::setrlimit(RLIMIT_NOFILE, &before);
}
