#include "policy/key.hpp"

#include "../catch.hpp"
#include "policy/invalidation.hpp"
#include "support.hpp"

using namespace larder;

namespace {

std::string key_of(const std::string& target, const settings::Route& route,
                   const std::string& authority = "api") {
  const test::Request request("GET " + target);
  std::string out;
  policy::write_key(authority, request.head.path, request.head, route, out);
  return out;
}

settings::Route refreshing() {
  auto route = test::ttl_route();
  route.refresh_param = "refresh";
  return route;
}

}  // namespace

TEST_CASE("the primary key is the target URI") {
  const auto route = test::standard_route();
  CHECK(key_of("/topics/", route) == "http://api/topics/");
  CHECK(key_of("/topics/?a=1&b=2", route) == "http://api/topics/?a=1&b=2");
  CHECK(key_of("/topics/?b=2&a=1", route) != key_of("/topics/?a=1&b=2", route));
  CHECK(key_of("/topics/?", route) == "http://api/topics/?");
  CHECK(key_of("/", route, "API.Example:80") == "http://api.example/");
  CHECK(key_of("/", route, "api:8080") != key_of("/", route, "api"));
}

TEST_CASE("a refresh parameter that is a bool is no part of the key") {
  const auto route = refreshing();
  CHECK(key_of("/x?refresh=1", route) == "http://api/x");
  CHECK(key_of("/x?refresh=0", route) == "http://api/x");
  CHECK(key_of("/x?a=1&refresh=YES&b=2", route) == "http://api/x?a=1&b=2");
  CHECK(key_of("/x?re%66resh=true", route) == "http://api/x");
  CHECK(key_of("/x?refresh=banana", route) == "http://api/x?refresh=banana");
  CHECK(key_of("/x?refreshed=1", route) == "http://api/x?refreshed=1");
}

TEST_CASE("a route may narrow the query down") {
  auto route = test::ttl_route();
  route.key.query = settings::KeyRule::Query::none;
  CHECK(key_of("/x?a=1&b=2", route) == "http://api/x");
  route.key.query = settings::KeyRule::Query::named;
  route.key.query_names = {"limit", "status"};
  CHECK(key_of("/x?status=open&junk=1&limit=5", route) == "http://api/x?limit=5&status=open");
  CHECK(key_of("/x?limit=5&status=open", route) == "http://api/x?limit=5&status=open");
  CHECK(key_of("/x?junk=1", route) == "http://api/x");
}

TEST_CASE("routes that project differently never share an entry") {
  auto lean = test::ttl_route();
  lean.shape = "id,slug";
  CHECK(key_of("/x", lean) == "http://api/x\nid,slug");
  CHECK(key_of("/x", lean) != key_of("/x", test::ttl_route()));
}

TEST_CASE("what a refresh parameter asks for is read as FastAPI reads a bool") {
  using policy::Refresh;
  for (const char* yes : {"1", "true", "t", "yes", "y", "on", "TRUE", "Yes", "oN"}) {
    CHECK(policy::refresh_asked(std::string("refresh=") + yes, "refresh") == Refresh::forced);
  }
  for (const char* no : {"0", "false", "f", "no", "n", "off", "FALSE"}) {
    CHECK(policy::refresh_asked(std::string("refresh=") + no, "refresh") == Refresh::ordinary);
  }
  for (const char* other : {"", "2", "banana", "tru", "1 "}) {
    CHECK(policy::refresh_asked(std::string("refresh=") + other, "refresh") == Refresh::absent);
  }
  CHECK(policy::refresh_asked("refresh=1", "") == Refresh::absent);
  CHECK(policy::refresh_asked("a=1&refresh=1", "refresh") == Refresh::forced);
  CHECK(policy::refresh_asked("refresh=0&refresh=1", "refresh") == Refresh::forced);
}

namespace {

bool variant_matches(const std::string& first, const std::string& response, const std::string& second,
                     const settings::Route& route = test::standard_route(), bool asks_identity = false) {
  const test::Request stored("GET /x", first);
  const test::Request asked("GET /x", second);
  const test::Lines fields(response);
  const auto key = policy::secondary_key(stored.facts.fields, fields, route, asks_identity);
  REQUIRE(key);
  return policy::matches(*key, asked.facts.fields);
}

}  // namespace

TEST_CASE("a stored response matches requests with the same values of its Vary fields (RFC 9111 4.1)") {
  CHECK(variant_matches("", "", ""));
  CHECK(variant_matches("Accept: a", "Vary: Accept", "Accept: a"));
  CHECK_FALSE(variant_matches("Accept: a", "Vary: Accept", "Accept: b"));
  CHECK_FALSE(variant_matches("Accept: a", "Vary: Accept", ""));
  CHECK_FALSE(variant_matches("", "Vary: Accept", "Accept: a"));
  CHECK(variant_matches("Accept: a\nX: 1", "Vary: Accept", "Accept: a\nX: 2"));
  CHECK_FALSE(variant_matches("Accept: a\nX: 1", "Vary: Accept\nVary: x", "Accept: a\nX: 2"));
  CHECK_FALSE(variant_matches("X-Odd: 1", "Vary: X-Odd", "X-Odd: 2"));
  CHECK(variant_matches("X-Odd: 1", "Vary: x-odd", "x-ODD: 1"));
}

TEST_CASE("a Vary that names no field matches nothing") {
  const test::Request stored("GET /x", "Accept: a");
  for (const auto* vary : {"Vary: *", "Vary: Accept, *", "Vary: a b", "Vary: Accept, \"x\"", "Vary: (x)"}) {
    CAPTURE(vary);
    const test::Lines fields(vary);
    CHECK_FALSE(policy::secondary_key(stored.facts.fields, fields, test::standard_route(), false));
  }
}

TEST_CASE("Vary values are compared without their accidents") {
  CHECK(variant_matches("Accept: a, b", "Vary: Accept", "Accept: a,b"));
  CHECK(variant_matches("Accept: a, b", "Vary: Accept", "Accept: a\nAccept: b"));
  CHECK_FALSE(variant_matches("Accept: a, b", "Vary: Accept", "Accept: b, a"));
  CHECK(variant_matches("Accept-Language: EN", "Vary: Accept-Language", "Accept-Language: en"));
  CHECK_FALSE(variant_matches("X: EN", "Vary: X", "X: en"));
}

TEST_CASE("Origin counts though no Vary names it") {
  CHECK(variant_matches("Origin: http://a", "", "Origin: http://a"));
  CHECK_FALSE(variant_matches("Origin: http://a", "", "Origin: http://b"));
  CHECK_FALSE(variant_matches("Origin: http://a", "", ""));
  CHECK_FALSE(variant_matches("", "", "Origin: http://a"));
}

TEST_CASE("so do the route's key.headers") {
  auto route = test::ttl_route();
  route.key.headers = {"cookie"};
  CHECK_FALSE(variant_matches("Cookie: a=1", "", "Cookie: a=2", route));
  CHECK(variant_matches("Cookie: a=1", "", "Cookie: a=1", route));
}

TEST_CASE(
    "a coded answer varies by Accept-Encoding, whatever it says, and not at all where identity was asked "
    "for") {
  CHECK_FALSE(variant_matches("Accept-Encoding: gzip", "Content-Encoding: gzip", ""));
  CHECK(variant_matches("Accept-Encoding: gzip", "Vary: Accept-Encoding", "", test::ttl_route(), true));
}

TEST_CASE("a write's related targets are those of its own origin (RFC 9111 4.4)") {
  const auto targets = [](const std::string& response) {
    const test::Lines fields(response);
    std::string text;
    for (const auto& target : policy::related_targets("api:8000", "/topics/", fields)) text += target + " ";
    return text;
  };
  CHECK(targets("Location: /topics/5") == "http://api:8000/topics/5 ");
  CHECK(targets("Location: http://API:8000/a?b#c\nContent-Location: /d") ==
        "http://api:8000/a http://api:8000/d ");
  CHECK(targets("Location: http://other/a") == "");
  CHECK(targets("Location: 5") == "http://api:8000/topics/5 ");
  CHECK(targets("Location: //api:8000/z") == "http://api:8000/z ");
  CHECK(targets("Location: mailto:x") == "");
  CHECK(policy::is_invalidating(http::Method::patch, 200));
  CHECK(policy::is_invalidating(http::Method::unknown, 204));
  CHECK(policy::is_invalidating(http::Method::post, 303));
  CHECK_FALSE(policy::is_invalidating(http::Method::patch, 404));
  CHECK_FALSE(policy::is_invalidating(http::Method::delete_, 500));
  CHECK_FALSE(policy::is_invalidating(http::Method::get, 200));
}
