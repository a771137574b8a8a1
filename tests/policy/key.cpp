#include "policy/key.hpp"

#include "../catch.hpp"
#include "policy/invalidation.hpp"
#include "support.hpp"

using namespace larder;

namespace {

std::string key_of(const std::string& target, const settings::Route& route,
                   const std::string& authority = "api") {
  const test::Request request("GET " + target);
  policy::CacheKey key;
  key.assign(authority, request.head.path, request.head, route);
  return key.text();
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

TEST_CASE("a boolean refresh parameter is not part of the key") {
  const auto route = refreshing();
  CHECK(key_of("/x?refresh=1", route) == "http://api/x");
  CHECK(key_of("/x?refresh=0", route) == "http://api/x");
  CHECK(key_of("/x?a=1&refresh=YES&b=2", route) == "http://api/x?a=1&b=2");
  CHECK(key_of("/x?re%66resh=true", route) == "http://api/x");
  CHECK(key_of("/x?refresh=banana", route) == "http://api/x?refresh=banana");
  CHECK(key_of("/x?refreshed=1", route) == "http://api/x?refreshed=1");
}

TEST_CASE("key.query selects the query parameters that are part of the key") {
  auto route = test::ttl_route();
  route.key.query = settings::KeyRule::Query::none;
  CHECK(key_of("/x?a=1&b=2", route) == "http://api/x");
  route.key.query = settings::KeyRule::Query::named;
  route.key.query_names = {"limit", "status"};
  CHECK(key_of("/x?status=open&junk=1&limit=5", route) == "http://api/x?limit=5&status=open");
  CHECK(key_of("/x?limit=5&status=open", route) == "http://api/x?limit=5&status=open");
  CHECK(key_of("/x?junk=1", route) == "http://api/x");
}

TEST_CASE("routes with different projections have different keys") {
  auto lean = test::ttl_route();
  lean.shape = "id,slug";
  CHECK(key_of("/x", lean) == "http://api/x\nid,slug");
  CHECK(key_of("/x", lean) != key_of("/x", test::ttl_route()));
}

TEST_CASE("the refresh parameter's value is parsed like a boolean in FastAPI") {
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
  const auto key = policy::secondary_key(stored.facts, fields, route, asks_identity);
  REQUIRE(key);
  return policy::matches(*key, asked.facts);
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

TEST_CASE("a Vary that does not name fields matches no request") {
  const test::Request stored("GET /x", "Accept: a");
  for (const auto* vary : {"Vary: *", "Vary: Accept, *", "Vary: a b", "Vary: Accept, \"x\"", "Vary: (x)"}) {
    CAPTURE(vary);
    const test::Lines fields(vary);
    CHECK_FALSE(policy::secondary_key(stored.facts, fields, test::standard_route(), false));
  }
}

TEST_CASE("Vary values are compared after normalisation") {
  CHECK(variant_matches("Accept: a, b", "Vary: Accept", "Accept: a,b"));
  CHECK(variant_matches("Accept: a, b", "Vary: Accept", "Accept: a\nAccept: b"));
  CHECK_FALSE(variant_matches("Accept: a, b", "Vary: Accept", "Accept: b, a"));
  CHECK(variant_matches("Accept-Language: EN", "Vary: Accept-Language", "Accept-Language: en"));
  CHECK_FALSE(variant_matches("X: EN", "Vary: X", "X: en"));
}

TEST_CASE("Origin is part of the secondary key even if Vary does not name it") {
  CHECK(variant_matches("Origin: http://a", "", "Origin: http://a"));
  CHECK_FALSE(variant_matches("Origin: http://a", "", "Origin: http://b"));
  CHECK_FALSE(variant_matches("Origin: http://a", "", ""));
  CHECK_FALSE(variant_matches("", "", "Origin: http://a"));
}

TEST_CASE("the route's key.headers are part of the secondary key even if Vary does not name them") {
  auto route = test::ttl_route();
  route.key.headers = {"cookie"};
  CHECK_FALSE(variant_matches("Cookie: a=1", "", "Cookie: a=2", route));
  CHECK(variant_matches("Cookie: a=1", "", "Cookie: a=1", route));
}

TEST_CASE(
    "a response with a content coding varies by Accept-Encoding, unless identity was requested of the API") {
  CHECK_FALSE(variant_matches("Accept-Encoding: gzip", "Content-Encoding: gzip", ""));
  CHECK(variant_matches("Accept-Encoding: gzip", "Vary: Accept-Encoding", "", test::ttl_route(), true));
}

TEST_CASE(
    "Location and Content-Location of a write invalidate only targets of its own origin (RFC 9111 4.4)") {
  const auto targets = [](const std::string& response) {
    const test::Lines fields(response);
    std::string text;
    for (const auto& target : policy::related_targets("api:8000", "/topics/", fields)) text += target + " ";
    return text;
  };
  CHECK(targets("Location: /topics/5") == "//api:8000/topics/5 ");
  CHECK(targets("Location: http://API:8000/a?b#c\nContent-Location: /d") == "//api:8000/a //api:8000/d ");
  CHECK(targets("Location: http://other/a") == "");
  CHECK(targets("Location: 5") == "//api:8000/topics/5 ");
  CHECK(targets("Location: //api:8000/z") == "//api:8000/z ");
  CHECK(targets("Location: mailto:x") == "");
}

TEST_CASE("a host is normalised in keys") {
  const auto route = test::standard_route();
  for (const auto* host : {"api.test", "API.test", "api.test:", "api.test:80", "api.test:080"}) {
    CAPTURE(host);
    CHECK(key_of("/", route, host) == "http://api.test/");
  }
  CHECK(key_of("/", route, "api.test:8080") == "http://api.test:8080/");
  CHECK(key_of("/", route, "[::1]:80") == "http://[::1]/");
  CHECK(key_of("/", route, "[::1]") == "http://[::1]/");
}

TEST_CASE("a key can be split into its parts") {
  const auto check = [](const policy::KeyView& key) {
    CHECK(key.text() == "http://api:8000/a/b?c=1\nid;;");
    CHECK(key.url() == "http://api:8000/a/b?c=1");
    CHECK(key.authority() == "api:8000");
    CHECK(key.origin() == "//api:8000");
    CHECK(key.path() == "/a/b");
    CHECK(key.target() == "/a/b?c=1");
    CHECK(key.has_query());
    CHECK(key.invalidation_key() == "//api:8000/a/b");
  };
  SECTION("from its text") {
    check(policy::KeyView("http://api:8000/a/b?c=1\nid;;"));
  }
  SECTION("from a request") {
    auto route = test::ttl_route();
    route.shape = "id;;";
    const test::Request request("GET /a/b?c=1");
    policy::CacheKey key;
    key.assign("API:8000", request.head.path, request.head, route);
    check(key.view());
    policy::CacheKey copy;
    copy.assign(key.view());
    const auto moved = std::move(copy);
    check(moved.view());
  }
}

TEST_CASE("both schemes of a URL, and all its queries, are invalidated together") {
  CHECK(policy::KeyView("https://api:8000/a/b").invalidation_key() == "//api:8000/a/b");
  CHECK(policy::KeyView("http://api/a?u=http://x/").invalidation_key() == "//api/a");
}

TEST_CASE("a text that is not a key has empty parts") {
  for (const std::string_view text : {"", "/", "?", "http:", "\n"}) {
    const policy::KeyView key(text);
    CHECK(key.authority().empty());
    CHECK(key.path().size() <= text.size());
  }
}

TEST_CASE("Accept-Encoding is compared by the codings that it accepts") {
  const auto same = [](const char* a, const char* b) {
    return variant_matches(std::string("Accept-Encoding: ") + a, "Vary: Accept-Encoding",
                           std::string("Accept-Encoding: ") + b);
  };
  CHECK(same("gzip, br", "br,gzip"));
  CHECK(same("gzip;q=0.5, br", "br;q=0.1, GZIP"));
  CHECK(same("x-gzip", "gzip"));
  CHECK(same("gzip, zstd;q=0", "gzip"));
  CHECK(same("identity", ""));
  CHECK(same("gzip, gzip;q=0.2", "gzip"));
  CHECK_FALSE(same("gzip", "br"));
  CHECK_FALSE(same("gzip", "gzip, br"));
  CHECK_FALSE(same("gzip", "gzip, identity;q=0"));
  CHECK_FALSE(same("gzip", "gzip, *"));
  CHECK_FALSE(same("*", "*, br;q=0"));
  CHECK(same("gzip, *;q=0", "gzip, identity;q=0"));
  CHECK_FALSE(variant_matches("Accept-Encoding: ", "Vary: Accept-Encoding", ""));
}

TEST_CASE("a trusted proxy's forwarding fields are part of the key, except for addresses") {
  const auto* differs = GENERATE(
      "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /p", "Forwarded: host=evil",
      "Forwarded: for=1.2.3.4;proto=https", "X-Forwarded-Port: 1", "X-Original-URL: /admin",
      "X-Rewrite-URL: /admin", "Front-End-Https: on", "X-Forwarded-Server: x", "x-forwarded-ssl: on");
  CAPTURE(differs);
  CHECK_FALSE(variant_matches("", "", differs));
  CHECK_FALSE(variant_matches(differs, "", ""));
  CHECK(variant_matches(differs, "", differs));
}

TEST_CASE("addresses are not part of the key") {
  const auto* line = GENERATE("X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "True-Client-IP: 1.2.3.4",
                              "Forwarded: for=1.2.3.4", "Forwarded: for=\"[::1]:80;x\";by=10.0.0.1, for=a");
  CAPTURE(line);
  CHECK(variant_matches("", "", line));
}

TEST_CASE("a Vary on a field that larder writes compares the values that the API received") {
  CHECK(variant_matches("X-Forwarded-For: 1.2.3.4", "Vary: X-Forwarded-For", "X-Forwarded-For: 1.2.3.4"));
  CHECK_FALSE(
      variant_matches("X-Forwarded-For: 1.2.3.4", "Vary: X-Forwarded-For", "X-Forwarded-For: 1.2.3.5"));
  CHECK(variant_matches("", "Vary: X-Forwarded-Proto", ""));
  const test::Request one("GET /x", "", test::default_settings, {"10.0.0.1", false, http::Scheme::http, 80});
  const test::Request two("GET /x", "", test::default_settings, {"10.0.0.2", false, http::Scheme::http, 80});
  for (const auto* vary : {"Vary: X-Forwarded-For", "Vary: X-Real-IP"}) {
    CAPTURE(vary);
    const test::Lines fields(vary);
    const auto key = policy::secondary_key(one.facts, fields, test::ttl_route(), false);
    REQUIRE(key);
    CHECK(policy::matches(*key, one.facts));
    CHECK_FALSE(policy::matches(*key, two.facts));
  }
}

TEST_CASE("a response with Vary on a field that larder changes in each fetch is not shared") {
  settings::Settings settings;
  settings.request_id = settings::Begin::yes;
  settings.trace_context = settings::Begin::yes;
  const test::Request request("GET /x", "", settings);
  for (const auto* vary : {"Vary: X-Request-ID", "Vary: traceparent", "Vary: Range", "Vary: If-None-Match"}) {
    CAPTURE(vary);
    const test::Lines fields(vary);
    CHECK_FALSE(policy::secondary_key(request.facts, fields, test::ttl_route(), false));
  }
  CHECK(variant_matches("X-Request-ID: 1", "Vary: X-Request-ID", "X-Request-ID: 1"));
}

TEST_CASE("credentials and cookies are in keys only as keyed hashes") {
  auto route = test::ttl_route();
  route.key.headers = {"authorization", "x-api-key"};
  route.key.cookies = {"session"};
  const test::Request request("GET /x",
                              "Authorization: Bearer s3cret\nX-API-Key: s3cret\nCookie: a=b; session=s3cret");
  const test::Lines fields("Vary: Cookie");
  const auto key = policy::secondary_key(request.facts, fields, route, false);
  REQUIRE(key);
  CHECK(key->size() == 5);
  for (const auto& field : *key) {
    CAPTURE(field.name);
    if (field.name == "origin") continue;
    REQUIRE(field.value);
    CHECK(field.value->size() == 32);
    CHECK(field.value->find("s3cret") == std::string::npos);
  }
  CHECK(policy::matches(*key, request.facts));
  const policy::KeyedHash other({9});
  CHECK(other("s3cret") != test::hash("s3cret"));
}

TEST_CASE("the route's key.cookies are part of the secondary key") {
  auto route = test::ttl_route();
  route.key.cookies = {"session"};
  CHECK(variant_matches("Cookie: session=1; theme=dark", "", "Cookie: theme=light; session=1", route));
  CHECK_FALSE(variant_matches("Cookie: session=1", "", "Cookie: session=2", route));
  CHECK_FALSE(variant_matches("Cookie: session=1", "", "", route));
  CHECK_FALSE(variant_matches("", "", "Cookie: session=", route));
  CHECK_FALSE(variant_matches("Cookie: session=1", "", "Cookie: session=1; session=2", route));
  CHECK_FALSE(variant_matches("Cookie: session=1", "", "Cookie: Session=1", route));
}
