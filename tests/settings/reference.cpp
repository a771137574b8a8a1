#include "../catch.hpp"
#include "settings/load.hpp"
#include "settings/table.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace larder;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(std::string(LARDER_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("config/reference.md is what the table says (LARDER_WRITE_REFERENCE=1 writes it)") {
  const auto path = std::string(LARDER_SOURCE_DIR) + "/config/reference.md";
  if (std::getenv("LARDER_WRITE_REFERENCE") != nullptr)
    std::ofstream(path, std::ios::binary) << settings::reference_markdown();
  CHECK(content("config/reference.md") == settings::reference_markdown());
}

TEST_CASE("the shipped configuration has no problem at all") {
  const auto loaded = settings::load(content("config/larder.yaml"), "larder.yaml");
  for (const auto& problem : loaded.problems) UNSCOPED_INFO(problem.text());
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.settings);
  CHECK(loaded.settings->routes.size() == 10);
}
