// Files and the messages that `larder check` prints about them.
#pragma once

#include "../catch.hpp"
#include "settings/load.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace larder::test {

struct Case {
  std::string text;                // content of a file named `f`
  std::vector<std::string> lines;  // FILE:LINE:COL: message
};

/// For tests/settings/test_schema.py: each file and its problems, as N.yaml and N.txt in $LARDER_WRITE_CASES.
inline void write_case(const std::string& text, const std::vector<std::string>& lines) {
  static int number = 0;
  const char* directory = std::getenv("LARDER_WRITE_CASES");
  if (directory == nullptr) return;
  const auto path = std::string(directory) + "/" + std::to_string(number++);
  std::ofstream(path + ".yaml", std::ios::binary) << text;
  std::ofstream out(path + ".txt", std::ios::binary);
  for (const auto& line : lines) out << line << "\n";
}

inline std::vector<std::string> lines_of(const settings::Loaded& loaded) {
  std::vector<std::string> lines;
  for (const auto& problem : loaded.problems) lines.push_back(problem.text());
  return lines;
}

/// Checks that each file has exactly these problems, and settings only if all of them are warnings.
inline void check_lines(const std::vector<Case>& cases) {
  for (const auto& [text, lines] : cases) {
    INFO(text);
    const auto loaded = settings::load(text, "f");
    write_case(text, lines_of(loaded));
    CHECK(lines_of(loaded) == lines);
    const bool only_warnings = std::all_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find(": warning: ") != std::string::npos;
    });
    CHECK((loaded.settings != nullptr) == only_warnings);
  }
}

/// The settings of a file that must have no errors.
inline settings::Settings good(const std::string& text) {
  const auto loaded = settings::load(text, "f");
  INFO(text);
  write_case(text, lines_of(loaded));
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

}  // namespace larder::test
