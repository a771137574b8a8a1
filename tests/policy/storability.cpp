#include "policy/storability.hpp"

#include "../catch.hpp"
#include "support.hpp"

using namespace larder;
using namespace std::chrono_literals;
using policy::Detail;

namespace {

Detail why_not(const settings::Route& route, const std::string& request, int status,
               const std::string& response) {
  const test::Request asked("GET /x", request);
  const test::Lines fields(response);
  const auto judged = policy::judge(asked.facts, route, status, fields, {}, test::received());
  const auto* detail = std::get_if<Detail>(&judged);
  return detail != nullptr ? *detail : Detail::none;
}

struct Row {
  const char* rule;
  const char* request;
  int status;
  const char* response;
  Detail why_not;  // none = stored
};

const Row by_the_book[] = {
    {"3: an explicit lifetime", "", 200, "Cache-Control: max-age=60", Detail::none},
    {"3: no-store", "", 200, "Cache-Control: max-age=60, no-store", Detail::no_store},
    {"3: No-Store in any case", "", 200, "Cache-Control: max-age=60, No-Store", Detail::no_store},
    {"3: no-store on the second line", "", 200, "Cache-Control: max-age=60\nCache-Control: no-store",
     Detail::no_store},
    {"3: private", "", 200, "Cache-Control: max-age=60, private", Detail::is_private},
    {"5.2.2.7: private with names keeps the rest", "", 200,
     "Cache-Control: max-age=60, private=\"set-cookie\"", Detail::none},
    {"3: a partial response is no whole one", "", 206, "Cache-Control: max-age=60", Detail::partial_content},
    {"3: a status that needs more to be cacheable", "", 302, "Server: x", Detail::status},
    {"3: and has it", "", 302, "Cache-Control: max-age=60", Detail::none},
    {"3: an unknown status with a lifetime", "", 299, "Cache-Control: max-age=60", Detail::none},
    {"3: heuristically cacheable with something to go by", "", 404,
     "Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT", Detail::none},
    {"3.5: Authorization", "Authorization: Basic eA==", 200, "Cache-Control: max-age=60",
     Detail::authorization},
    {"3.5: with public", "Authorization: Basic eA==", 200, "Cache-Control: max-age=60, public", Detail::none},
    {"3.5: with s-maxage", "Authorization: Basic eA==", 200, "Cache-Control: s-maxage=60", Detail::none},
    {"3.5: with must-revalidate", "Authorization: Basic eA==", 200,
     "Cache-Control: max-age=60, must-revalidate", Detail::none},
    {"5.2.1.5: a request's no-store", "Cache-Control: no-store", 200, "Cache-Control: max-age=60",
     Detail::request_no_store},
    {"5.2.2.3: must-understand overrules no-store", "", 200,
     "Cache-Control: max-age=60, no-store, must-understand", Detail::none},
    {"5.2.2.3: but not for a status that is not understood", "", 299,
     "Cache-Control: max-age=60, no-store, must-understand", Detail::must_understand},
    {"4.1: Vary: *", "", 200, "Cache-Control: max-age=60\nVary: *", Detail::vary_any},
    {"4.1: Vary: * among others", "", 200, "Cache-Control: max-age=60\nVary: Accept\nVary: X, *",
     Detail::vary_any},
    {"no lifetime and no validator", "", 200, "Server: x", Detail::no_freshness},
    {"a validator alone is worth keeping", "", 200, "ETag: \"a\"", Detail::none},
    {"5.2.2.4: no-cache with a validator is stored to be validated", "", 200,
     "Cache-Control: no-cache\nETag: \"a\"", Detail::none},
    {"5.2.2.4: no-cache without one is of no use", "", 200, "Cache-Control: no-cache, max-age=60",
     Detail::no_cache},
    {"4.2.1: a max-age that has passed on the way, no validator", "", 200,
     "Cache-Control: max-age=60\nAge: 60", Detail::no_freshness},
    {"5.1: an unreadable Age takes nothing from max-age", "", 200, "Cache-Control: max-age=60\nAge: old",
     Detail::none},
    {"a cookie does not keep it from being stored by the book", "Cookie: a=b", 200,
     "Cache-Control: max-age=60", Detail::none},
    {"one that is set does", "", 200, "Cache-Control: public, max-age=60\nSet-Cookie: a=b",
     Detail::set_cookie},
    {"3.5: another credential", "X-API-Key: a", 200, "Cache-Control: max-age=60", Detail::authorization},
    {"3.5: with public", "X-API-Key: a", 200, "Cache-Control: public, max-age=60", Detail::none},
    {"a 304 is no response to the URL", "", 304, "Cache-Control: max-age=60", Detail::status},
    {"nor a 412", "", 412, "Cache-Control: max-age=60", Detail::status},
    {"nor a 416", "", 416, "Cache-Control: max-age=60", Detail::status},
    {"RFC 6585: 428", "", 428, "Cache-Control: max-age=60", Detail::status},
    {"RFC 6585: 429", "", 429, "Cache-Control: max-age=60", Detail::status},
    {"RFC 6585: 431", "", 431, "Cache-Control: max-age=60", Detail::status},
    {"RFC 6585: 511", "", 511, "Cache-Control: max-age=60", Detail::status},
    {"another error with a lifetime", "", 503, "Cache-Control: max-age=60", Detail::none},
};

const Row under_a_ttl[] = {
    {"whatever it says of freshness", "", 200, "Cache-Control: max-age=0", Detail::none},
    {"even nothing", "", 200, "Server: x", Detail::none},
    {"Expires in the past", "", 200, "Expires: 0", Detail::none},
    {"no-store", "", 200, "Cache-Control: no-store", Detail::no_store},
    {"no-cache", "", 200, "Cache-Control: no-cache", Detail::no_cache},
    {"private", "", 200, "Cache-Control: private", Detail::is_private},
    {"private with names", "", 200, "Cache-Control: private=\"x\"", Detail::is_private},
    {"a cookie that is set", "", 200, "Set-Cookie: a=b", Detail::set_cookie},
    {"Authorization", "Authorization: Bearer x", 200, "Server: x", Detail::authorization},
    {"an API key", "X-API-Key: x", 200, "Server: x", Detail::authorization},
    {"as CGI would have it", "Api-Key: x", 200, "Server: x", Detail::authorization},
    {"only 200", "", 201, "Cache-Control: max-age=60", Detail::status},
    {"404 without negative_ttl", "", 404, "Server: x", Detail::status},
    {"500", "", 500, "Cache-Control: max-age=60", Detail::status},
    {"a redirect with a lifetime of its own", "", 301, "Cache-Control: max-age=60", Detail::status},
    {"206", "", 206, "Server: x", Detail::partial_content},
    {"Vary: *", "", 200, "Vary: *", Detail::vary_any},
};

}  // namespace

TEST_CASE("with cache: standard, a response is stored if RFC 9111 3 permits and it can be reused") {
  for (const auto& row : by_the_book) {
    INFO(row.rule);
    CHECK(policy::name_of(why_not(test::standard_route(), row.request, row.status, row.response)) ==
          policy::name_of(row.why_not));
  }
}

TEST_CASE("with cache: ttl, a 200 is stored unless a directive or field forbids sharing it") {
  for (const auto& row : under_a_ttl) {
    INFO(row.rule);
    CHECK(policy::name_of(why_not(test::ttl_route(), row.request, row.status, row.response)) ==
          policy::name_of(row.why_not));
  }
}

TEST_CASE("`despite` overrides only the directives that it names") {
  const auto with = [](auto member) {
    auto route = test::ttl_route();
    route.despite.*member = true;
    return route;
  };
  using settings::Despite;
  CHECK(why_not(with(&Despite::no_store), "", 200, "Cache-Control: no-store") == Detail::none);
  CHECK(why_not(with(&Despite::no_store), "", 200, "Cache-Control: no-store, private") == Detail::is_private);
  CHECK(why_not(with(&Despite::no_cache), "", 200, "Cache-Control: no-cache") == Detail::none);
  CHECK(why_not(with(&Despite::is_private), "", 200, "Cache-Control: private") == Detail::none);
  CHECK(why_not(with(&Despite::set_cookie), "", 200, "Set-Cookie: a=b") == Detail::none);
  CHECK(why_not(with(&Despite::authorization), "Authorization: x", 200, "Server: x") == Detail::none);
}

TEST_CASE("despite: set-cookie also applies with cache: standard") {
  auto route = test::standard_route();
  route.despite.set_cookie = true;
  CHECK(why_not(route, "", 200, "Cache-Control: max-age=60\nSet-Cookie: a=b") == Detail::none);
}

TEST_CASE("a credential in the route's key needs no `despite`") {
  for (auto route : {test::ttl_route(), test::standard_route()}) {
    route.key.headers = {"x-api-key"};
    CHECK(why_not(route, "X-API-Key: a", 200, "Cache-Control: max-age=60") == Detail::none);
    CHECK(why_not(route, "X-API-Key: a\nAuthorization: b", 200, "Cache-Control: max-age=60") ==
          Detail::authorization);
  }
}

TEST_CASE("with store_errors: false, 4xx and 5xx are not stored") {
  auto route = test::standard_route();
  route.store_errors = false;
  for (const int status : {400, 404, 410, 500, 503})
    CHECK(why_not(route, "", status, "Cache-Control: max-age=60") == Detail::status);
  CHECK(why_not(route, "", 301, "Cache-Control: max-age=60") == Detail::none);
}

TEST_CASE("a response fetched with the client's own conditions is not stored") {
  const test::Request request("GET /x", "If-None-Match: \"a\"");
  const test::Lines response("Cache-Control: max-age=60");
  policy::UpstreamRequest sent;
  sent.client_conditions = true;
  const auto judged =
      policy::judge(request.facts, test::standard_route(), 200, response, sent, test::received());
  CHECK(std::get<Detail>(judged) == Detail::request_conditions);
}

TEST_CASE("a 5xx is shared with the waiting requests, unless it is for one client only") {
  const auto shared = [](const char* request_lines, int status, const char* response_lines) {
    const test::Request request("GET /x", request_lines);
    const test::Lines response(response_lines);
    return policy::judge_shared_error(request.facts, test::ttl_route(), status, response, {},
                                      test::received())
        .has_value();
  };
  CHECK(shared("", 500, "Server: x"));
  CHECK(shared("", 503, "Retry-After: 5"));
  CHECK_FALSE(shared("", 404, "Server: x"));
  CHECK_FALSE(shared("", 511, "Server: x"));
  CHECK_FALSE(shared("", 500, "Set-Cookie: a=b"));
  CHECK_FALSE(shared("", 500, "Cache-Control: private"));
  CHECK_FALSE(shared("", 500, "Cache-Control: no-store"));
  CHECK_FALSE(shared("", 500, "Vary: *"));
  CHECK_FALSE(shared("Authorization: x", 500, "Server: x"));
  CHECK_FALSE(shared("Cache-Control: no-store", 500, "Server: x"));
}

TEST_CASE("identifiers of one request are not stored") {
  for (const auto* name : {"X-Request-ID", "traceparent", "Tracestate", "Set-Cookie", "X-Correlation-ID"}) {
    CAPTURE(name);
    const test::Lines line(std::string(name) + ": 1");
    const http::Fields fields = line;
    CHECK(policy::fate_of(fields[0], fields, {}) == policy::FieldFate::for_requesting_client);
  }
}

TEST_CASE("404 and 410 are stored for negative_ttl") {
  auto route = test::ttl_route(30s);
  route.negative_ttl = 5s;
  const test::Request request("GET /x");
  const test::Lines response("Cache-Control: max-age=60");
  for (const int status : {404, 410}) {
    const auto judged = policy::judge(request.facts, route, status, response, {}, test::received());
    REQUIRE(std::holds_alternative<policy::StoredMeta>(judged));
    CHECK(std::get<policy::StoredMeta>(judged).fresh_until == test::at(5s).mono);
  }
  CHECK(why_not(route, "", 403, "Server: x") == Detail::status);
}

TEST_CASE("a ttl starts at reception, whatever the response's age and delay") {
  const test::Request request("GET /x");
  const test::Lines response("Age: 100\nCache-Control: max-age=1");
  const auto judged =
      policy::judge(request.facts, test::ttl_route(30s), 200, response, {}, test::received(4s));
  const auto& meta = std::get<policy::StoredMeta>(judged);
  CHECK(meta.fresh_until == test::at(30s).mono);
  CHECK(meta.age(test::at(1s).mono) == 105s);
}

TEST_CASE("with cache: standard, the age at reception reduces the remaining lifetime") {
  const test::Request request("GET /x");
  const test::Lines response("Age: 10\nCache-Control: max-age=60");
  const auto judged =
      policy::judge(request.facts, test::standard_route(), 200, response, {}, test::received(4s));
  CHECK(std::get<policy::StoredMeta>(judged).fresh_until == test::at(46s).mono);
}

TEST_CASE("hop-by-hop fields and fields for one client are not stored") {
  const test::Lines response(
      "Connection: close, X-Hop\nX-Hop: 1\nKeep-Alive: timeout=5\nTransfer-Encoding: chunked\nAge: "
      "4\nX-Mine: secret\nX-Other: secret\n"
      "Cache-Control: private=\"X-Mine\", no-cache=\"x-other\"\nContent-Type: text/plain\nX-Kept: 1");
  const http::Fields fields = response;
  const auto directives = http::parse_response_cache_control(fields);
  std::string kept;
  for (const auto& line : fields) {
    if (policy::fate_of(line, fields, directives) == policy::FieldFate::stored)
      kept += std::string(line.name) + " ";
  }
  CHECK(kept == "Cache-Control Content-Type X-Kept ");
}

TEST_CASE("a response stored despite Set-Cookie is shared without the cookie") {
  const test::Lines response("Set-Cookie: a=b");
  const http::Fields fields = response;
  CHECK(policy::fate_of(fields[0], fields, {}) == policy::FieldFate::for_requesting_client);
}
