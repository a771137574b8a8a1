#include "http/ambiguous_path.hpp"

#include "../catch.hpp"

#include <algorithm>

using namespace larder;

TEST_CASE("a path that servers may interpret differently is ambiguous") {
  const auto* path = GENERATE("/static/../me", "/..", "/.", "/a/./b", "/a/..", "/a/.", "/static/%2e%2e/me",
                              "/static/.%2E/me", "/static/%2e/me", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b",
                              "/static/..\\me", "/static/..;/me", "/a;v=1/b", "/me;.css", "/static/..%3b/me",
                              "/static/%2e%2e%3Bx/me", "/static/%252e%252e/me", "/a%252fb", "/a%2525",
                              "/a%00", "/static/%c0%ae%c0%ae/me", "/a%c0%afb", "/a/%2e%2e");
  CAPTURE(path);
  CHECK(http::is_ambiguous_path(path));
}

TEST_CASE("other paths are not ambiguous") {
  const auto* path = GENERATE("/", "/topics/", "/a.b", "/.well-known/x", "/..a", "/a..", "/a...b", "/...",
                              "/a/..b/c", "/%2ehidden", "/100%25", "/a%20b", "/%E4%BA%BA", "/a//b", "//", "*",
                              "/a%zz", "/a%2", "/a%25z0");
  CAPTURE(path);
  CHECK_FALSE(http::is_ambiguous_path(path));
}

TEST_CASE("an ambiguous path has the paths to which servers may resolve it") {
  struct Row {
    const char* path;
    const char* resolved;
  };
  const auto row = GENERATE(values<Row>({
      {"/static/../me", "/me"},
      {"/../../me", "/me"},
      {"/a/./b", "/a/b"},
      {"/a/b/..", "/a/"},
      {"/a/.", "/a/"},
      {"/static/%2e%2e/me", "/me"},
      {"/static/%2E%2e%2Fme", "/me"},
      {"/a%2fb", "/a/b"},
      {"/a%5cb", "/a/b"},
      {"/static\\..\\me", "/me"},
      {"/static/..;x=1/me", "/me"},
      {"/me;v=1", "/me"},
      {"/static/%252e%252e/me", "/me"},
      {"/static/%252e%252e%252fme", "/me"},
      {"/static/%c0%ae%c0%ae/me", "/me"},
      {"/a//b", "/a/b"},
      {"/a/../%41%20", "/A%20"},
  }));
  CAPTURE(row.path);
  const auto all = http::resolved_paths(row.path);
  CHECK(std::find(all.begin(), all.end(), row.resolved) != all.end());
}

TEST_CASE("an unambiguous path has no other resolved paths") {
  CHECK(http::resolved_paths("/topics/").empty());
  CHECK(http::resolved_paths("/%61").empty());
}
