// Files for tests of what is persisted.
#pragma once

#include "../catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace larder::test {

/// A new directory, removed at the end.
class Directory {
 public:
  explicit Directory(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string name = (in / "larder-persist-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace larder::test
