#include "settings/environment.hpp"

#include "../catch.hpp"

#include <cstdlib>

using larder::settings::expand;

TEST_CASE("variables of the environment are expanded") {
  ::setenv("LARDER_TEST_A", "alpha", 1);
  ::setenv("LARDER_TEST_EMPTY", "", 1);
  ::unsetenv("LARDER_TEST_NONE");
  struct Row {
    const char* text;
    const char* expected;  // nullptr = an error
  };
  const Row rows[] = {
      {"plain", "plain"},
      {"${LARDER_TEST_A}", "alpha"},
      {"http://${LARDER_TEST_A}:80/${LARDER_TEST_A}", "http://alpha:80/alpha"},
      {"${LARDER_TEST_EMPTY}", ""},
      {"${LARDER_TEST_EMPTY:-beta}", "beta"},
      {"${LARDER_TEST_NONE:-beta}", "beta"},
      {"${LARDER_TEST_NONE:-}", ""},
      {"${LARDER_TEST_NONE}", nullptr},
      {"${LARDER_TEST_A", nullptr},
      {"${}", nullptr},
      {"${a b}", nullptr},
      {"$${LARDER_TEST_A}", "${LARDER_TEST_A}"},
      {"$LARDER_TEST_A", "$LARDER_TEST_A"},
      {"/a/{id}", "/a/{id}"},
      {"$", "$"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    std::string error;
    const auto got = expand(row.text, error);
    if (row.expected == nullptr) {
      CHECK_FALSE(got);
      CHECK_FALSE(error.empty());
    } else {
      REQUIRE(got);
      CHECK(*got == row.expected);
    }
  }
}
