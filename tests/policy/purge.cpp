#include "policy/purge.hpp"

#include "../catch.hpp"
#include "policy/key.hpp"

#include <vector>

using larder::policy::Purge;
using What = Purge::What;

TEST_CASE("a purge means what it says") {
  struct Row {
    const char* what;
    Purge purge;
    const char* key;
    bool expected;
  };
  const Row rows[] = {
      {"a path", {What::path, "/topics/"}, "http://hub:8080/topics/", true},
      {"of every host", {What::path, "/topics/"}, "http://other/topics/", true},
      {"every query of it", {What::path, "/topics/"}, "http://hub/topics/?limit=5", true},
      {"every shape of it", {What::path, "/topics/"}, "http://hub/topics/\nid,;;", true},
      {"not what is below", {What::path, "/topics/"}, "http://hub/topics/1", false},
      {"nor another", {What::path, "/topics/"}, "http://hub/topics", false},
      {"one query", {What::path, "/topics/?limit=5"}, "http://hub/topics/?limit=5\nid,;;", true},
      {"and no other", {What::path, "/topics/?limit=5"}, "http://hub/topics/?limit=50", false},
      {"a prefix", {What::prefix, "/topics/"}, "http://hub/topics/1?x", true},
      {"itself", {What::prefix, "/topics/"}, "http://hub/topics/", true},
      {"not in the query", {What::prefix, "/topics/"}, "http://hub/x?/topics/", false},
      {"a group that it has", {What::group, "lists"}, "http://hub/x", true},
      {"one that it has not", {What::group, "list"}, "http://hub/x", false},
      {"all", {What::all, ""}, "http://hub/x", true},
  };
  const std::vector<std::string> groups{"all", "lists"};
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(row.purge.concerns(larder::policy::KeyView(row.key), groups) == row.expected);
  }
}

TEST_CASE("a purge's path is written as keys write it") {
  CHECK(larder::policy::purge_text("/topics/%41") == "/topics/A");
  CHECK(larder::policy::purge_text("/b%20c?x=%41") == "/b%20c?x=%41");
}
