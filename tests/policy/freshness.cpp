#include "policy/freshness.hpp"

#include "../catch.hpp"
#include "support.hpp"

using namespace larder;
using namespace std::chrono_literals;
using policy::Lifetime;
using policy::Millis;
using Source = policy::Lifetime::Source;

namespace {

struct LifetimeRow {
  const char* section;
  int status;
  const char* response;
  Millis lifetime;
  Source source;
};

const LifetimeRow lifetimes[] = {
    {"4.2.1: s-maxage before max-age", 200, "Cache-Control: max-age=10, s-maxage=20", 20s, Source::s_maxage},
    {"4.2.1: max-age before Expires", 200,
     "Cache-Control: max-age=10\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", 10s, Source::max_age},
    {"4.2.1: Expires minus Date", 200,
     "Date: Sun, 06 Nov 1994 08:49:27 GMT\nExpires: Sun, 06 Nov 1994 08:50:27 GMT", 60s, Source::expires},
    {"5.3: Expires without Date counts from reception", 200, "Expires: Sun, 06 Nov 1994 08:49:47 GMT", 10s,
     Source::expires},
    {"5.3: Expires: 0 has passed", 200, "Expires: 0\nLast-Modified: Sat, 05 Nov 1994 08:49:37 GMT", 0s,
     Source::expires},
    {"5.3: an Expires in the past is no negative lifetime", 200, "Expires: Sat, 05 Nov 1994 08:49:37 GMT", 0s,
     Source::expires},
    {"5.3: several Expires have passed", 200,
     "Expires: Sun, 06 Nov 1994 09:49:37 GMT\nExpires: Sun, 06 Nov 1994 08:59:37 GMT", 0s, Source::expires},
    {"4.2.2: a tenth of the time since Last-Modified", 200,
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:32:57 GMT", 100s,
     Source::heuristic},
    {"4.2.2: at most a day", 200, "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT", 24h, Source::heuristic},
    {"4.2.2: not for a status that is not heuristically cacheable", 302,
     "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT", 0s, Source::none},
    {"4.2.2: unless it is public", 302, "Cache-Control: public\nLast-Modified: Sun, 06 Nov 1994 08:32:57 GMT",
     100s, Source::heuristic},
    {"4.2.2: a Last-Modified in the future says nothing", 200, "Last-Modified: Mon, 07 Nov 1994 08:32:57 GMT",
     0s, Source::none},
    {"nothing said", 200, "Server: x", 0s, Source::none},
    {"4.2.1: of two max-age the smaller", 200, "Cache-Control: max-age=100\nCache-Control: max-age=10", 10s,
     Source::max_age},
    {"1.2.2: an overflow is 2^31 s", 200, "Cache-Control: max-age=99999999999999999999",
     Millis(std::chrono::seconds(1ll << 31)), Source::max_age},
    {"4.2.1: an unreadable max-age is stale", 200, "Cache-Control: max-age=banana", 0s, Source::max_age},
    {"4.2.1: a negative max-age is stale", 200, "Cache-Control: max-age=-3", 0s, Source::max_age},
};

struct AgeRow {
  const char* section;
  const char* response;
  Millis delay;
  Millis age;
};

const AgeRow ages[] = {
    {"no Age, no Date, no delay", "Server: x", 0s, 0s},
    {"4.2.3: apparent age", "Date: Sun, 06 Nov 1994 08:49:30 GMT", 0s, 7s},
    {"4.2.3: a Date in the future is no negative age", "Date: Sun, 06 Nov 1994 08:59:37 GMT", 0s, 0s},
    {"4.2.3: Age plus the response delay", "Age: 10\nDate: Sun, 06 Nov 1994 08:49:37 GMT", 4s, 14s},
    {"4.2.3: the larger of the two", "Age: 1\nDate: Sun, 06 Nov 1994 08:49:07 GMT", 4s, 30s},
    {"4.2.3: a slow answer is as old as it was slow", "Server: x", 4171ms, 4171ms},
    {"5.1: of a list the first", "Age: 5,100", 0s, 5s},
    {"5.1: with white space", "Age: 5 , 100", 0s, 5s},
    {"5.1: of several lines the first", "Age: 5\nAge: 100", 0s, 5s},
    {"5.1: though it is the smaller or the larger", "Age: 100\nAge: 5", 0s, 100s},
    {"5.1: what is no number is ignored", "Age: ten", 0s, 0s},
    {"5.1: a negative one", "Age: -5", 0s, 0s},
    {"5.1: a fraction", "Age: 5.5", 0s, 0s},
    {"5.1: a parameter", "Age: 5;a=b", 0s, 0s},
    {"5.1: nothing", "Age:", 0s, 0s},
    {"5.1: an unreadable first one makes way for no other", "Age: x,5\nAge: 5", 0s, 0s},
    {"5.1: and the response delay counts all the same", "Age: ten", 4s, 4s},
    {"1.2.2: an overflow is 2^31 s", "Age: 99999999999", 0s, Millis(std::chrono::seconds(1ll << 31))},
};

}  // namespace

TEST_CASE("the freshness lifetime is the one that RFC 9111 4.2.1 chooses") {
  for (const auto& row : lifetimes) {
    INFO(row.section);
    const test::Lines response(row.response);
    const auto lifetime = policy::freshness_lifetime(
        row.status, response, http::parse_response_cache_control(response), test::received());
    CHECK(lifetime.value == row.lifetime);
    CHECK(lifetime.source == row.source);
  }
}

TEST_CASE(
    "the initial age is the greater of the apparent age and Age plus the response delay (RFC 9111 4.2.3)") {
  for (const auto& row : ages) {
    INFO(row.section);
    const test::Lines response(row.response);
    CHECK(policy::initial_age(response, test::received(row.delay)) == row.age);
  }
}
