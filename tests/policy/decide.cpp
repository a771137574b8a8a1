#include "policy/decide.hpp"

#include "../catch.hpp"
#include "policy/storability.hpp"
#include "support.hpp"

using namespace larder;
using namespace std::chrono_literals;
using policy::Detail;
using policy::Forward;
using policy::Millis;

namespace {

// A stored response, received at the start and fresh for a minute.
policy::StoredMeta stored(const char* response = "", const settings::Route& route = test::standard_route()) {
  const test::Request request("GET /x");
  const test::Lines fields(std::string("Cache-Control: max-age=60\nETag: \"a\"") +
                           (*response != 0 ? "\n" : "") + response);
  const auto judged = policy::judge(request.facts, route, 200, fields, {}, test::received());
  return std::get<policy::StoredMeta>(judged);
}

// The decision as one line of text.
std::string said(const policy::Decision& decision) {
  struct Say {
    std::string outcome(const policy::Outcome& outcome) const {
      std::string text;
      policy::append_cache_status(outcome, {}, text);
      return text;
    }
    std::string operator()(const policy::Serve& serve) const { return "serve " + outcome(serve.outcome); }
    std::string operator()(const policy::ServeThenRefresh& serve) const {
      return "serve+refresh " + outcome(serve.outcome);
    }
    std::string operator()(const policy::Wait& wait) const {
      return "wait " + std::string(name_of(wait.why)) + (wait.part ? " part" : "");
    }
    std::string operator()(const policy::Validate& validate) const {
      return "validate " + std::string(name_of(validate.why));
    }
    std::string operator()(const policy::Pass& pass) const {
      return "pass " + std::string(name_of(pass.why)) + " " + std::string(name_of(pass.detail));
    }
    std::string operator()(const policy::Refuse& refuse) const {
      return "refuse " + std::to_string(refuse.status);
    }
  };
  return std::visit(Say{}, decision);
}

struct Row {
  const char* rule;
  const char* request;   // field lines
  const char* response;  // further field lines of the stored response
  Millis after;
  const char* expected;
};

const Row rows[] = {
    {"4.2: fresh", "", "", 10s, "serve larder; hit; ttl=50"},
    {"4.2: fresh to the last", "", "", 59'999ms, "serve larder; hit; ttl=0"},
    {"4.2: stale at its lifetime", "", "", 60s, "validate stale"},
    {"5.2.1.4: no-cache", "Cache-Control: no-cache", "", 1s, "validate request"},
    {"5.4: Pragma: no-cache", "Pragma: no-cache", "", 1s, "validate request"},
    {"5.4: Pragma is nothing beside Cache-Control", "Pragma: no-cache\nCache-Control: max-stale=1", "", 1s,
     "serve larder; hit; ttl=59"},
    {"5.2.1.1: max-age above the age", "Cache-Control: max-age=10", "", 5s, "serve larder; hit; ttl=55"},
    {"5.2.1.1: max-age below it", "Cache-Control: max-age=4", "", 5s, "validate request"},
    {"5.2.1.1: max-age=0", "Cache-Control: max-age=0", "", 1s, "validate request"},
    {"5.2.1.3: min-fresh that is met", "Cache-Control: min-fresh=50", "", 10s, "serve larder; hit; ttl=50"},
    {"5.2.1.3: min-fresh that is not", "Cache-Control: min-fresh=51", "", 10s, "validate request"},
    {"5.2.1.2: max-stale within", "Cache-Control: max-stale=10", "", 65s,
     "serve larder; hit; ttl=-5; detail=max-stale"},
    {"5.2.1.2: max-stale beyond", "Cache-Control: max-stale=10", "", 71s, "validate stale"},
    {"5.2.1.2: max-stale without a number", "Cache-Control: max-stale", "", 1000s,
     "serve larder; hit; ttl=-940; detail=max-stale"},
    {"5.2.2.2: must-revalidate beats max-stale", "Cache-Control: max-stale", "Cache-Control: must-revalidate",
     65s, "validate stale"},
    {"5.2.2.8: proxy-revalidate too", "Cache-Control: max-stale", "Cache-Control: proxy-revalidate", 65s,
     "validate stale"},
    {"5.2.2.10: s-maxage too", "Cache-Control: max-stale", "Cache-Control: s-maxage=60", 65s,
     "validate stale"},
    {"5.2.1.7: only-if-cached with something fresh", "Cache-Control: only-if-cached", "", 1s,
     "serve larder; hit; ttl=59"},
    {"5.2.1.7: only-if-cached with something stale", "Cache-Control: only-if-cached", "", 61s, "refuse 504"},
    {"RFC 5861 3: within the window", "", "Cache-Control: stale-while-revalidate=30", 80s,
     "serve+refresh larder; hit; ttl=-20; detail=stale-while-revalidate"},
    {"RFC 5861 3: beyond the window", "", "Cache-Control: stale-while-revalidate=30", 91s, "validate stale"},
    {"RFC 5861 3: not against must-revalidate", "",
     "Cache-Control: stale-while-revalidate=30, must-revalidate", 80s, "validate stale"},
    {"RFC 5861 3: not for one who asks for freshness", "Cache-Control: max-age=90",
     "Cache-Control: stale-while-revalidate=30", 80s, "validate stale"},
    {"5.2.2.4: no-cache is never reused unasked", "", "Cache-Control: no-cache", 1s, "validate stale"},
};

}  // namespace

TEST_CASE("a stored response is reused as RFC 9111 4.2 and 5.2 require") {
  for (const auto& row : rows) {
    INFO(row.rule);
    const auto held = stored(row.response);
    const test::Request request("GET /x", row.request);
    CHECK(said(policy::decide(request.facts, test::standard_route(), {&held, false}, test::at(row.after))) ==
          row.expected);
  }
}

TEST_CASE("a miss has the reason why the request is forwarded") {
  const test::Request request("GET /x");
  const auto route = test::standard_route();
  CHECK(said(policy::decide(request.facts, route, {nullptr, false}, test::at())) == "wait uri-miss");
  CHECK(said(policy::decide(request.facts, route, {nullptr, true}, test::at())) == "wait vary-miss");
  const test::Request cached("GET /x", "Cache-Control: only-if-cached");
  CHECK(said(policy::decide(cached.facts, route, {nullptr, false}, test::at())) == "refuse 504");
  const test::Request no_store("GET /x", "Cache-Control: no-store");
  CHECK(said(policy::decide(no_store.facts, route, {nullptr, false}, test::at())) ==
        "pass request request-no-store");
  const test::Request range("GET /x", "Range: bytes=0-1");
  CHECK(said(policy::decide(range.facts, route, {nullptr, false}, test::at())) == "wait uri-miss part");
  CHECK(said(policy::decide(range.facts, test::ttl_route(), {nullptr, false}, test::at())) ==
        "wait uri-miss");
}

TEST_CASE("a HEAD miss is forwarded as a HEAD with cache: standard, and fetches the whole with cache: ttl") {
  const test::Request request("HEAD /x");
  CHECK(said(policy::decide(request.facts, test::standard_route(), {}, test::at())) ==
        "pass uri-miss head-miss");
  CHECK(said(policy::decide(request.facts, test::ttl_route(), {}, test::at())) == "wait uri-miss");
}

TEST_CASE("a stored response without a validator is fetched again, not revalidated") {
  auto held = stored();
  held.upstream_entity_tag.clear();
  const test::Request request("GET /x");
  CHECK(said(policy::decide(request.facts, test::standard_route(), {&held, false}, test::at(61s))) ==
        "wait stale");
}

TEST_CASE("a forced refresh fetches, except within refresh_min_interval") {
  auto route = test::ttl_route();
  route.refresh_param = "refresh";
  route.refresh_min_interval = 5s;
  const auto held = stored("", route);
  test::Request request("GET /x?refresh=1");
  request.facts.refresh = true;
  CHECK(said(policy::decide(request.facts, route, {&held, false}, test::at(6s))) == "validate request");
  CHECK(said(policy::decide(request.facts, route, {&held, false}, test::at(4s))) ==
        "serve larder; hit; ttl=26; detail=refresh-too-soon");
  const test::Request no_cache("GET /x", "Cache-Control: no-cache");
  CHECK(said(policy::decide(no_cache.facts, route, {&held, false}, test::at(6s))) == "validate request");
  CHECK(said(policy::decide(no_cache.facts, route, {&held, false}, test::at(4s))) ==
        "serve larder; hit; ttl=26; detail=refresh-too-soon");
}

TEST_CASE("requests that bypass the cache have the reason as detail") {
  const auto standard = test::standard_route();
  const auto ttl = test::ttl_route();
  const auto why = [](const test::Request& request, const settings::Route* route) {
    const auto result = policy::is_for_cache(request.facts, route);
    const auto* pass = std::get_if<policy::Pass>(&result);
    return pass == nullptr ? std::string("for the cache") : said(policy::Decision(*pass));
  };
  CHECK(why(test::Request("GET /x"), &standard) == "for the cache");
  CHECK(why(test::Request("HEAD /x"), &standard) == "for the cache");
  CHECK(why(test::Request("POST /x"), &standard) == "pass method ");
  CHECK(why(test::Request("BREW /x"), &standard) == "pass method ");
  CHECK(why(test::Request("GET /x"), nullptr) == "pass bypass route-off");
  CHECK(why(test::Request("GET /x", "Content-Length: 3"), &standard) == "pass bypass request-body");
  CHECK(why(test::Request("GET /x", "Content-Length: 0"), &standard) == "for the cache");
  CHECK(why(test::Request("GET /x", "Connection: upgrade\nUpgrade: websocket"), &standard) ==
        "pass bypass request-upgrade");
  CHECK(why(test::Request("GET /x", "If-Match: \"a\""), &standard) == "pass request ");
  CHECK(why(test::Request("GET /x", "Authorization: x"), &standard) == "for the cache");
  CHECK(why(test::Request("GET /x", "Authorization: x"), &ttl) == "pass bypass request-authorization");
  CHECK(why(test::Request("GET /x", "X-API-Key: x"), &ttl) == "pass bypass request-authorization");
  CHECK(why(test::Request("GET /x", "X-API-Key: x"), &standard) == "for the cache");
  CHECK(why(test::Request("GET /x", "X-HTTP-Method-Override: DELETE"), &ttl) ==
        "pass bypass method-override");
  CHECK(why(test::Request("GET /static/../x"), &ttl) == "pass bypass ambiguous-path");
  CHECK(why(test::Request("GET /x", "Connection: upgrade\nUpgrade: h2c"), &ttl) == "for the cache");
  CHECK(why(test::Request("GET /x", "Connection: upgrade\nUpgrade: websocket\nContent-Length: 3"), &ttl) ==
        "pass bypass request-body");
  auto by_rule = ttl;
  by_rule.bypass.headers = {"x-debug"};
  by_rule.bypass.cookies = {"preview"};
  CHECK(why(test::Request("GET /x", "X-Debug: "), &by_rule) == "pass bypass route-bypass");
  CHECK(why(test::Request("GET /x", "Cookie: a=b; preview=1"), &by_rule) == "pass bypass route-bypass");
  CHECK(why(test::Request("GET /x", "Cookie: a=preview"), &by_rule) == "for the cache");
  auto keyed = ttl;
  keyed.key.headers = {"authorization"};
  CHECK(why(test::Request("GET /x", "Authorization: x"), &keyed) == "for the cache");
  CHECK(why(test::Request("GET /x", "Authorization: x\nX-API-Key: y"), &keyed) ==
        "pass bypass request-authorization");
}

TEST_CASE("refresh_min_interval applies to every way to force a fetch") {
  auto route = test::ttl_route();
  route.refresh_min_interval = 5s;
  const auto held = stored("", route);
  for (const auto* lines : {"Cache-Control: no-cache", "Pragma: no-cache", "Cache-Control: max-age=0",
                            "Cache-Control: min-fresh=60"}) {
    CAPTURE(lines);
    const test::Request request("GET /x", lines);
    CHECK(said(policy::decide(request.facts, route, {&held, false}, test::at(4s))) ==
          "serve larder; hit; ttl=26; detail=refresh-too-soon");
    CHECK(said(policy::decide(request.facts, route, {&held, false}, test::at(6s))) == "validate request");
  }
  const test::Request no_store("GET /x", "Cache-Control: no-store");
  CHECK(said(policy::decide(no_store.facts, route, {&held, false}, test::at(6s))) ==
        "serve larder; hit; ttl=24");
  CHECK(said(policy::decide(no_store.facts, route, {&held, false}, test::at(60s))) ==
        "pass request request-no-store");
}

TEST_CASE("client_directives: ignore keeps only no-store and only-if-cached") {
  auto route = test::ttl_route();
  route.client_directives = settings::ClientDirectives::ignore;
  test::Request request("GET /x", "Cache-Control: no-cache, max-age=0, no-store, only-if-cached");
  policy::obey_directives(route, request.facts);
  CHECK_FALSE(request.facts.directives.no_cache);
  CHECK_FALSE(request.facts.directives.max_age);
  CHECK(request.facts.directives.no_store);
  CHECK(request.facts.directives.only_if_cached);
}

TEST_CASE("which statuses supersede a stored response") {
  const test::Request request("GET /x");
  for (const int status : {200, 204, 301, 302, 401, 403, 404, 405, 410, 451, 501, 505, 599})
    CHECK(policy::supersedes(status, request.facts));
  for (const int status : {500, 502, 503, 504, 206, 304, 400, 406, 408, 412, 413,
                           414, 416, 417, 421, 425, 428, 429, 431, 511, 103})
    CHECK_FALSE(policy::supersedes(status, request.facts));
  CHECK_FALSE(policy::supersedes(403, test::Request("GET /x", "Authorization: x").facts));
}

TEST_CASE("while the API fails, a stale response is served within its window (RFC 9111 4.2.4, RFC 5861 4)") {
  using policy::Trouble;
  struct Trial {
    const char* rule;
    const char* request;
    const char* stored;
    Millis after;
    Trouble trouble;
    bool answers;
  };
  const Trial trials[] = {
      {"within stale-if-error", "", "Cache-Control: stale-if-error=30", 80s, Trouble::error_status, true},
      {"beyond it", "", "Cache-Control: stale-if-error=30", 91s, Trouble::error_status, false},
      {"beyond it, also when it is away", "", "Cache-Control: stale-if-error=30", 91s, Trouble::disconnected,
       false},
      {"an error without it", "", "", 61s, Trouble::error_status, false},
      {"no answer without it", "", "", 61s, Trouble::disconnected, true},
      {"no answer for a day", "", "", 86'461s, Trouble::disconnected, false},
      {"must-revalidate", "", "Cache-Control: stale-if-error=30, must-revalidate", 80s, Trouble::error_status,
       false},
      {"must-revalidate, away", "", "Cache-Control: must-revalidate", 80s, Trouble::disconnected, false},
      {"proxy-revalidate", "", "Cache-Control: proxy-revalidate", 80s, Trouble::disconnected, false},
      {"s-maxage", "", "Cache-Control: s-maxage=60", 80s, Trouble::disconnected, false},
      {"no-cache", "", "Cache-Control: no-cache", 1s, Trouble::disconnected, false},
      {"the request allows it", "Cache-Control: stale-if-error=30", "", 80s, Trouble::error_status, true},
      {"the request insists", "Cache-Control: no-cache", "", 1s, Trouble::disconnected, false},
      {"still fresh", "Cache-Control: max-age=0", "", 1s, Trouble::error_status, true},
  };
  for (const auto& row : trials) {
    INFO(row.rule);
    const test::Request request("GET /x", row.request);
    const auto held = stored(row.stored);
    CHECK(policy::may_serve_on_error(request.facts, held, row.trouble, test::at(row.after)) == row.answers);
  }
  for (const int status : {500, 502, 503, 504}) CHECK(policy::is_error_status(status));
  for (const int status : {200, 404, 501, 505}) CHECK_FALSE(policy::is_error_status(status));
}

TEST_CASE("with cache: ttl, only the route or the response can permit serving a stale response on error") {
  const test::Request request("GET /x");
  const auto held = stored("", test::ttl_route());
  CHECK_FALSE(policy::may_serve_on_error(request.facts, held, policy::Trouble::disconnected, test::at(61s)));
}

TEST_CASE("a response that a write made stale (soft invalidation) is served once more and refreshed") {
  struct SoftRow {
    const char* rule;
    const char* request;
    const char* response;
    Millis after;
    const char* expected;
  };
  const SoftRow soft_rows[] = {
      {"fresh", "", "", 10s, "serve+refresh larder; hit; ttl=-1; detail=soft-invalidation"},
      {"not for one who asks anew", "Cache-Control: no-cache", "", 10s, "validate request"},
      {"nor where nothing stale is to be served", "", "Cache-Control: must-revalidate", 10s,
       "validate stale"},
      {"expired besides", "", "", 70s, "validate stale"},
      {"expired, within its window", "", "Cache-Control: stale-while-revalidate=30", 70s,
       "serve+refresh larder; hit; ttl=-10; detail=stale-while-revalidate"},
  };
  for (const auto& row : soft_rows) {
    INFO(row.rule);
    const auto held = stored(row.response);
    const test::Request request("GET /x", row.request);
    CHECK(said(policy::decide(request.facts, test::standard_route(), {&held, false, true, false},
                              test::at(row.after))) == row.expected);
  }
}

TEST_CASE("an expired response is served while its scheduled refresh is under way") {
  const auto held = stored();
  const test::Request request("GET /x");
  const policy::Held refreshing{&held, false, false, true};
  const auto route = test::standard_route();
  CHECK(said(policy::decide(request.facts, route, refreshing, test::at(50s))) == "serve larder; hit; ttl=10");
  CHECK(said(policy::decide(request.facts, route, refreshing, test::at(61s))) ==
        "serve+refresh larder; hit; ttl=-1; detail=stale-while-revalidate");
  const test::Request strict("GET /x", "Cache-Control: max-age=30");
  CHECK(said(policy::decide(strict.facts, route, refreshing, test::at(61s))) == "validate stale");
}

TEST_CASE("while fetches fail, a stale response is served without waiting for the next fetch") {
  using policy::Trouble;
  const auto within = stored("Cache-Control: stale-if-error=100");
  const auto without = stored("Cache-Control: must-revalidate, stale-if-error=100");
  const test::Request plain("GET /x");
  const test::Request anew("GET /x", "Cache-Control: no-cache");
  const test::Request younger("GET /x", "Cache-Control: max-age=5");
  const policy::Decision waits = policy::Validate{Forward::stale};
  const policy::Decision forced = policy::Validate{Forward::request};
  const auto may = [&](const auto& request, const auto& decision, const auto& held, Millis after) {
    return policy::may_serve_while_failing(request.facts, decision, held, Trouble::disconnected,
                                           test::at(after));
  };
  CHECK(may(plain, waits, within, 100s));
  CHECK(may(plain, policy::Decision{policy::Wait{Forward::stale, false}}, within, 100s));
  CHECK_FALSE(may(plain, waits, within, 161s));
  CHECK_FALSE(may(plain, forced, within, 100s));
  CHECK_FALSE(may(plain, policy::Decision{policy::Pass{}}, within, 100s));
  CHECK_FALSE(may(anew, waits, within, 100s));
  CHECK_FALSE(may(younger, waits, within, 100s));
  CHECK_FALSE(may(plain, waits, without, 100s));
}
