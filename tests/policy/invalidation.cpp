#include "policy/invalidation.hpp"

#include "../catch.hpp"
#include "policy/groups.hpp"
#include "policy/key.hpp"
#include "support.hpp"

#include <algorithm>

using namespace larder;
using http::Method;

TEST_CASE("which methods are safe (RFC 9110 9.2.1)") {
  for (const auto* method : {"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"}) {
    CAPTURE(method);
    const test::Request request(std::string(method) + " /x");
    CHECK(request.facts.safe);
    CHECK(request.facts.idempotent);
  }
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "PROPPATCH", "LOCK", "query", "PURGE"}) {
    CAPTURE(method);
    CHECK_FALSE(test::Request(std::string(method) + " /x").facts.safe);
  }
}

TEST_CASE("a GET with a method override field is not safe") {
  for (const auto* name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
    CAPTURE(name);
    const auto line = std::string(name) + ": DELETE";
    const test::Request get("GET /x", line);
    CHECK(get.facts.method_override);
    CHECK_FALSE(get.facts.safe);
    CHECK_FALSE(get.facts.idempotent);
    CHECK(test::Request("HEAD /x", line).facts.method_override);
    CHECK_FALSE(test::Request("POST /x", line).facts.method_override);
  }
}

TEST_CASE("the status of the response decides whether a write may have been applied (RFC 9111 4.4)") {
  using policy::WriteEffect;
  for (const int status : {200, 201, 204, 303}) CHECK(policy::write_effect(status) == WriteEffect::applied);
  for (const int status : {400, 404, 412, 429}) CHECK(policy::write_effect(status) == WriteEffect::none);
  for (const int status : {500, 502, 503, 504, 507})
    CHECK(policy::write_effect(status) == WriteEffect::possible);
}

TEST_CASE("a write to an ambiguous path also invalidates the paths to which servers may resolve it") {
  const auto paths = policy::other_paths_of("/static/../topics/");
  CHECK(std::find(paths.begin(), paths.end(), "/topics/") != paths.end());
  CHECK(policy::other_paths_of("/topics/").empty());
  const auto merged = policy::other_paths_of("/topics//5");
  CHECK(std::find(merged.begin(), merged.end(), "/topics/5") != merged.end());
}

TEST_CASE(
    "the response to a POST is stored for GET if its Content-Location names the target (RFC 9110 9.3.3)") {
  struct Row {
    const char* rule;
    const char* lines;
    bool answers;
  };
  const std::string fresh = "Cache-Control: max-age=60\n";
  const Row rows[] = {
      {"its Content-Location is the target", "Content-Location: /a/b?c=1", true},
      {"an absolute URI", "Content-Location: http://API.test/a/b?c=1", true},
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

TEST_CASE("Cache-Groups is ignored unless it is a List of Strings (RFC 9875 2, 3)") {
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

TEST_CASE("groups of different origins are different (RFC 9875 2.1)") {
  const auto name = policy::group_name(policy::KeyView("http://a.test/x?y\nshape").origin(), "g");
  CHECK(name == policy::group_name("//a.test", "g"));
  CHECK(name == policy::group_name(policy::KeyView("https://a.test/x").origin(), "g"));
  CHECK(name == policy::group_name("//a.test", "g"));
  CHECK(name != policy::group_name("//b.test", "g"));
  CHECK(name != policy::group_name("//a.test", "G"));
}

TEST_CASE("a write has the binding of the response whose path has the same segments") {
  std::string error;
  const auto pattern = [&](const char* text) { return *http::PathPattern::parse(text, error); };
  auto route = test::ttl_route();
  route.name = "/shops/{shop}/orders/{id}";
  route.path = pattern("/shops/{shop}/orders/{id}");
  for (const auto* text : {"/orders/{=id}/**", "/x/{=shop}/{=id}", "/lists/{any}", "/orders/{=id}"})
    route.invalidated_by.push_back(pattern(text));
  const auto of = policy::bindings_of(route, "/shops/a/orders/7");
  REQUIRE(of.size() == 2);  // {id}; {id} and {shop}
  const auto& by = route.invalidated_by;
  CHECK(policy::binding_written(route, by[0], "/orders/7/items") == of[0]);
  CHECK(policy::binding_written(route, by[3], "/orders/7") == of[0]);
  CHECK(policy::binding_written(route, by[0], "/orders/8/items") != of[0]);
  CHECK(policy::binding_written(route, by[1], "/x/a/7") == of[1]);
  CHECK(policy::binding_written(route, by[1], "/x/7/a") != of[1]);
  auto other = route;
  other.name = "/other";
  CHECK(policy::bindings_of(other, "/shops/a/orders/7") != of);
}
