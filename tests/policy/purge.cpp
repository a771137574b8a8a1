#include "policy/purge.hpp"

#include "../catch.hpp"
#include "policy/key.hpp"

#include <vector>

using larder::policy::Purge;
using What = Purge::What;

TEST_CASE("a purge applies to exactly the keys and groups that it selects") {
  struct Row {
    const char* what;
    Purge purge;
    const char* key;
    bool expected;
  };
  const Row rows[] = {
      {"a path", {What::path, "/topics/"}, "http://hub:8080/topics/", true},
      {"a path, on every host", {What::path, "/topics/"}, "http://other/topics/", true},
      {"a path, with every query", {What::path, "/topics/"}, "http://hub/topics/?limit=5", true},
      {"a path, with every shape", {What::path, "/topics/"}, "http://hub/topics/\nid,;;", true},
      {"not the paths below it", {What::path, "/topics/"}, "http://hub/topics/1", false},
      {"not another path", {What::path, "/topics/"}, "http://hub/topics", false},
      {"one query", {What::path, "/topics/?limit=5"}, "http://hub/topics/?limit=5\nid,;;", true},
      {"not another query", {What::path, "/topics/?limit=5"}, "http://hub/topics/?limit=50", false},
      {"a prefix", {What::prefix, "/topics/"}, "http://hub/topics/1?x", true},
      {"the prefix itself", {What::prefix, "/topics/"}, "http://hub/topics/", true},
      {"not a prefix in the query", {What::prefix, "/topics/"}, "http://hub/x?/topics/", false},
      {"a group of the response", {What::group, "lists"}, "http://hub/x", true},
      {"another group", {What::group, "list"}, "http://hub/x", false},
      {"all", {What::all, ""}, "http://hub/x", true},
  };
  const std::vector<std::string> groups{"all", "lists"};
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(row.purge.concerns(larder::policy::KeyView(row.key), groups) == row.expected);
  }
}

TEST_CASE("a purge's path is normalised like the path of a key") {
  CHECK(larder::policy::purge_text("/topics/%41") == "/topics/A");
  CHECK(larder::policy::purge_text("/b%20c?x=%41") == "/b%20c?x=%41");
}
