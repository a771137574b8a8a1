#include "policy/invalidation.hpp"

#include "../catch.hpp"
#include "policy/groups.hpp"
#include "support.hpp"

using namespace larder;
using http::Method;

TEST_CASE("what a method and a status say of a write (RFC 9111 4.4)") {
  struct Row {
    const char* rule;
    Method method;
    int status;
    bool invalidates;
  };
  const Row rows[] = {
      {"a safe method", Method::get, 200, false},
      {"HEAD", Method::head, 200, false},
      {"OPTIONS", Method::options, 200, false},
      {"an unsafe one that went through", Method::post, 201, true},
      {"PUT", Method::put, 204, true},
      {"PATCH", Method::patch, 200, true},
      {"DELETE", Method::delete_, 200, true},
      {"one that leads elsewhere", Method::post, 303, true},
      {"one that larder does not know", Method::unknown, 200, true},
      {"a client's error", Method::post, 404, false},
      {"the server's", Method::delete_, 500, false},
  };
  for (const auto& row : rows) {
    INFO(row.rule);
    CHECK(policy::is_invalidating(row.method, row.status) == row.invalidates);
  }
}

TEST_CASE("the answer to a POST is what a GET would get where it says so (RFC 9110 9.3.3)") {
  struct Row {
    const char* rule;
    const char* lines;
    bool answers;
  };
  const std::string fresh = "Cache-Control: max-age=60\n";
  const Row rows[] = {
      {"its Content-Location is the target", "Content-Location: /a/b?c=1", true},
      {"written out", "Content-Location: http://API.test/a/b?c=1", true},
      {"relative to it", "Content-Location: b?c=1", true},
      {"a fragment is no part of it", "Content-Location: /a/b?c=1#d", true},
      {"another query", "Content-Location: /a/b?c=2", false},
      {"no query", "Content-Location: /a/b", false},
      {"another origin", "Content-Location: http://other.test/a/b?c=1", false},
      {"another scheme", "Content-Location: urn:x", false},
      {"none", "Location: /a/b?c=1", false},
      {"two of them", "Content-Location: /a/b?c=1\nContent-Location: /a/b?c=1", false},
  };
  const auto answers = [](const settings::Route& route, Method method, int status, const std::string& text) {
    const test::Lines lines(text);
    return policy::answers_get(method, route, status, lines, "api.test", "/a/b?c=1");
  };
  for (const auto& row : rows) {
    INFO(row.rule);
    CHECK(answers(test::standard_route(), Method::post, 200, fresh + row.lines) == row.answers);
  }
  const std::string same = "Content-Location: /a/b?c=1";
  CHECK(
      answers(test::standard_route(), Method::post, 200, same + "\nExpires: Sun, 06 Nov 1994 09:49:37 GMT"));
  CHECK_FALSE(answers(test::standard_route(), Method::post, 200, same));  // no explicit lifetime
  CHECK_FALSE(answers(test::standard_route(), Method::put, 200, fresh + same));
  CHECK_FALSE(answers(test::standard_route(), Method::post, 201, fresh + same));
  CHECK_FALSE(answers(test::ttl_route(), Method::post, 200, fresh + same));
}

TEST_CASE("groups are lists of strings, and nothing else (RFC 9875 2, 3)") {
  const auto groups = [](const char* value) {
    const test::Lines lines(std::string("Cache-Groups: ") + value);
    std::string all;
    for (const auto& group : policy::groups_of(lines)) all += group + " ";
    return all;
  };
  CHECK(groups("\"a\", \"b c\"") == "a b c ");
  CHECK(groups("\"a\";x=1") == "a ");
  CHECK(groups("a") == "");
  CHECK(groups("\"a\", 1") == "");
  CHECK(groups("\"a\"\nCache-Groups: \"b\"") == "a b ");
  CHECK(groups("\"a") == "");
  const test::Lines invalidation("Cache-Group-Invalidation: \"a\"\nCache-Groups: \"b\"");
  CHECK(policy::groups_invalidated(invalidation) == std::vector<std::string>{"a"});
}

TEST_CASE("a group is its origin's own (RFC 9875 2.1)") {
  const auto name = policy::group_name("http://a.test/x?y\nshape", "g");
  CHECK(name == policy::group_name("http://a.test/z", "g"));
  CHECK(name != policy::group_name("http://b.test/x", "g"));
  CHECK(name != policy::group_name("http://a.test/x", "G"));
}
