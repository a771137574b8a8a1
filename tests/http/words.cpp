// Tests of lists, entity tags, dates, directives, ranges and targets.
#include "../catch.hpp"
#include "../policy/support.hpp"
#include "http/cache_control.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/host.hpp"
#include "http/range.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

using namespace larder;
using namespace larder::http;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using test::Lines;

TEST_CASE("a list is split at its commas, but not inside quotes (RFC 9110 5.6.1)") {
  const auto split = [](std::string_view rest) {
    std::string text;
    std::string_view element;
    while (next_element(rest, element)) text.append("[").append(element).append("]");
    return text;
  };
  CHECK(split("a, b,c") == "[a][b][c]");
  CHECK(split(" , a ,, b\t, ") == "[a][b]");
  CHECK(split("") == "");
  CHECK(split("a=\"x, y\", b") == "[a=\"x, y\"][b]");
  CHECK(split("a=\"x\\\", y\", b") == "[a=\"x\\\", y\"][b]");
  CHECK(split("a=\"x, b") == "[a=\"x, b]");
}

TEST_CASE("the lines of a list field form one list") {
  const Lines lines("Connection: a\nX: close\nConnection: b;q=1, CLOSE");
  CHECK(list_has(lines, FieldId::connection, "close"));
  CHECK(list_has(lines, FieldId::connection, "B"));
  CHECK_FALSE(list_has(lines, FieldId::connection, "c"));
  CHECK_FALSE(list_has(lines, FieldId::vary, "close"));
}

TEST_CASE("quoted strings and numbers are parsed strictly") {
  CHECK(unquote("\"a\\\"b\"") == "a\"b");
  CHECK(unquote("\"\"") == "");
  for (const char* bad : {"a", "\"a", "a\"", "\"a\"b\"", "\"", "\"a\\\""}) CHECK_FALSE(unquote(bad));
  CHECK(parse_digits("0") == 0u);
  CHECK(parse_digits("18446744073709551615") == 18446744073709551615u);
  CHECK(parse_digits("99999999999999999999") == 18446744073709551615u);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "a"}) CHECK_FALSE(parse_digits(bad));
}

TEST_CASE("dates are parsed in exactly three formats (RFC 9110 5.6.7)") {
  const sys_seconds now{seconds{1'700'000'000}};  // 2023
  const sys_seconds expected{seconds{784111777}};
  CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == expected);
  CHECK(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == expected);
  CHECK(parse_date("Sun Nov  6 08:49:37 1994", now) == expected);
  CHECK(parse_date("Sun Nov 16 08:49:37 1994", now) == expected + seconds{10 * 86400});
  CHECK(parse_date("Mon, 29 Feb 2000 00:00:00 GMT", now));
  CHECK(parse_date("Fri, 31 Dec 2016 23:59:60 GMT", now));
  // A two-digit year that would be more than 50 years in the future is in the past.
  CHECK(parse_date("Sunday, 06-Nov-72 08:49:37 GMT", now) > now);
  CHECK(parse_date("Sunday, 06-Nov-74 08:49:37 GMT", now) < now);
  for (const char* bad :
       {"", "0", "-1", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994  08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_date(bad, now));
  }
}

TEST_CASE("dates are parsed case-insensitively (RFC 9111 4.2)") {
  const sys_seconds now{seconds{1'700'000'000}};
  const sys_seconds expected{seconds{784111777}};
  for (const char* text :
       {"sun, 06 nov 1994 08:49:37 gmt", "SUN, 06 Nov 1994 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gMt", "SUNDAY, 06-nov-94 08:49:37 Gmt", "sUN nOV  6 08:49:37 1994"}) {
    INFO(text);
    CHECK(parse_date(text, now) == expected);
  }
}

TEST_CASE("a formatted date can be parsed again") {
  for (std::int64_t at = 0; at < 4'000'000'000; at += 40'000'003) {
    const sys_seconds time{seconds{at}};
    REQUIRE(parse_date(format_date(time), time) == time);
  }
  CHECK(format_date(sys_seconds{seconds{784111777}}) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("entity tags are compared strongly and weakly (RFC 9110 8.8.3.2)") {
  const auto tag = [](const char* text) { return *parse_entity_tag(text); };
  CHECK_FALSE(strong_match(tag("W/\"1\""), tag("W/\"1\"")));
  CHECK(weak_match(tag("W/\"1\""), tag("W/\"1\"")));
  CHECK_FALSE(weak_match(tag("W/\"1\""), tag("W/\"2\"")));
  CHECK(weak_match(tag("W/\"1\""), tag("\"1\"")));
  CHECK_FALSE(strong_match(tag("W/\"1\""), tag("\"1\"")));
  CHECK(strong_match(tag("\"1\""), tag("\"1\"")));
  for (const char* bad : {"", "1", "\"1", "1\"", "w/\"1\"", "W/1", "\"a\"b\"", "\"a b\"", "W/ \"1\"", "\""})
    CHECK_FALSE(parse_entity_tag(bad));
  for (const char* good : {"\"\"", "W/\"\"", "\"a,b\"", "\"\\\"", "\"\xE9\""}) CHECK(parse_entity_tag(good));
}

TEST_CASE("If-None-Match is a list of tags, which may contain commas") {
  const auto names = [](const char* value, const char* current) {
    const Lines lines(std::string("If-None-Match: ") + value);
    return none_match_names(lines, current);
  };
  CHECK(names("\"a\"", "\"a\""));
  CHECK(names("\"a\" , W/\"b\"", "\"b\""));
  CHECK(names("\"a,b\"", "\"a,b\""));
  CHECK_FALSE(names("\"a,b\"", "\"a\""));
  CHECK(names("\"x\\\", \"b\"", "\"b\""));
  CHECK(names("junk, \"b\"", "\"b\""));
  CHECK(names("*", "\"b\""));
  CHECK(names(" * ", ""));
  CHECK_FALSE(names("\"b", "\"b\""));
  CHECK_FALSE(names("\"a\"junk, b", "\"a\""));
  CHECK_FALSE(names("\"b\"", ""));
}

TEST_CASE(
    "Cache-Control is parsed over all lines, case-insensitively, with quoted or unquoted arguments (RFC 9111 "
    "5.2)") {
  const auto read = [](const char* text) {
    const Lines lines(text);
    return parse_response_cache_control(lines);
  };
  CHECK(read("Cache-Control: Max-Age=5").max_age == Seconds{5});
  CHECK(read("Cache-Control: max-age=\"5\"").max_age == Seconds{5});
  CHECK(read("Cache-Control: max-age = 5").max_age == Seconds{5});
  CHECK(read("Cache-Control: max-age=10\nCache-Control: max-age=5").max_age == Seconds{5});
  CHECK(read("Cache-Control: max-age=5, max-age=10").max_age == Seconds{5});
  CHECK(read("Cache-Control: max-age=99999999999999999999").max_age == max_lifetime);
  for (const char* bad :
       {"max-age=-5", "max-age=abc", "max-age=1.5", "max-age=", "max-age", "max-age=\"5", "max-age=5s"}) {
    INFO(bad);
    CHECK(read((std::string("Cache-Control: ") + bad).c_str()).max_age == Seconds{0});
  }
  CHECK_FALSE(read("Cache-Control: x-max-age=5, max-agee=5").max_age);
  CHECK_FALSE(read("Cache-Control: foo=\"max-age=5, no-store\"").max_age);
  CHECK_FALSE(read("Cache-Control: foo=\"max-age=5, no-store\"").no_store);
  CHECK(read("Cache-Control: NO-STORE").no_store);
  CHECK(read("Cache-Control: no-cache=\"Set-Cookie, X\"").no_cache_fields ==
        std::vector<std::string>{"set-cookie", "x"});
  CHECK_FALSE(read("Cache-Control: no-cache=\"Set-Cookie\"").no_cache);
  CHECK(read("Cache-Control: private=X").private_fields == std::vector<std::string>{"x"});
  CHECK(read("Cache-Control: private, public, must-understand, immutable").is_private);
  CHECK_FALSE(read("Pragma: no-cache").no_cache);
  CHECK_FALSE(read("X: 1").present);
}

TEST_CASE(
    "invalid directives of a request are ignored, and Pragma counts without Cache-Control (RFC 9111 5.4)") {
  const auto read = [](const char* text) {
    const Lines lines(text);
    return parse_request_cache_control(lines);
  };
  CHECK_FALSE(read("Cache-Control: max-age=abc").max_age);
  CHECK(read("Cache-Control: max-stale").max_stale == max_lifetime);
  CHECK(read("Cache-Control: max-stale=5").max_stale == Seconds{5});
  CHECK(read("Cache-Control: only-if-cached, min-fresh=3").min_fresh == Seconds{3});
  CHECK(read("Pragma: No-Cache").no_cache);
  CHECK_FALSE(read("Pragma: no-cache\nCache-Control: max-age=5").no_cache);
}

TEST_CASE("a Range selects one part or the whole (RFC 9110 14)") {
  const auto choice = [](const char* value, std::uint64_t size) {
    const Lines lines(std::string("Range: ") + value);
    const auto chosen = choose_range(lines, size);
    if (const auto* part = std::get_if<ByteRange>(&chosen))
      return std::to_string(part->first) + "-" + std::to_string(part->last);
    return std::string(std::holds_alternative<WholeBody>(chosen) ? "whole" : "unsatisfiable");
  };
  CHECK(choice("bytes=0-4", 10) == "0-4");
  CHECK(choice("Bytes=5-", 10) == "5-9");
  CHECK(choice("bytes=-3", 10) == "7-9");
  CHECK(choice("bytes=-30", 10) == "0-9");
  CHECK(choice("bytes=5-500", 10) == "5-9");
  CHECK(choice("bytes=10-", 10) == "unsatisfiable");
  CHECK(choice("bytes=-0", 10) == "unsatisfiable");
  CHECK(choice("bytes=-5", 0) == "unsatisfiable");
  CHECK(choice("bytes=99999999999999999999-", 10) == "unsatisfiable");
  for (const char* whole : {"bytes=0-1,3-4", "bytes=4-2", "bytes=", "bytes", "lines=0-1", "bytes=a-b",
                            "bytes=1", "bytes=1-x", "bytes=--1"}) {
    INFO(whole);
    CHECK(choice(whole, 10) == "whole");
  }
}

TEST_CASE("a Content-Range is parsed strictly (RFC 9110 14.4)") {
  const auto range = parse_content_range("bytes 2-5/10");
  REQUIRE(range);
  CHECK((range->first == 2 && range->last == 5 && range->complete == 10u));
  CHECK_FALSE(parse_content_range("bytes 2-5/*")->complete);
  for (const char* bad : {"", "bytes 5-2/10", "bytes 2-5/5", "bytes 2-5", "bytes */10", "2-5/10",
                          "bytes=2-5/10", "bytes a-b/c"}) {
    CHECK_FALSE(parse_content_range(bad));
  }
}

TEST_CASE("an authority is a host with an optional port") {
  for (const char* good : {"a", "a.b-c_d", "A:80", "127.0.0.1:8000", "[::1]", "[::1]:80", "a:"})
    CHECK(is_authority(good));
  for (const char* bad : {"", ":80", "a b", "a/b", "u@a", "a,b", "[::1", "::1", "[]", "[x]", "a:b",
                          "a:123456", "a?b", "a#b", "\xE9"}) {
    INFO(bad);
    CHECK_FALSE(is_authority(bad));
  }
  CHECK(same_authority("A:80", "a"));
  CHECK_FALSE(same_authority("a:81", "a"));
  CHECK(same_authority("a:443", "a", Scheme::https));
  CHECK_FALSE(same_authority("a:443", "a"));
  CHECK(same_authority("a:", "a"));
  CHECK(same_authority("[::1]:080", "[::1]"));
}

TEST_CASE("paths are normalised without other changes (RFC 3986 6.2.2)") {
  std::string scratch;
  CHECK(normalise_path("/%74opics/%7e%2f%c3", scratch) == "/topics/~%2F%C3");
  CHECK(normalise_path("/a//b/../c", scratch) == "/a//b/../c");
  CHECK(normalise_path("/%zz%4", scratch) == "/%zz%4");
  CHECK(normalise_path("/%4%41", scratch) == "/%4%41");  // not %4A
  CHECK(encode_query("a b/\xC3~") == "a%20b%2F%C3~");
}

namespace {

PathPattern pattern(const char* text) {
  std::string error;
  auto parsed = PathPattern::parse(text, error);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("a path pattern matches literally, by segment placeholders, or the rest of the path") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {
      {"/topics/", "/topics/", true},
      {"/topics/", "/topics", false},
      {"/topics/", "/topics/5", false},
      {"/topics/{id}", "/topics/5", true},
      {"/topics/{id}", "/topics/", false},
      {"/topics/{id}", "/topics/5/x", false},
      {"/topics/{id}/x", "/topics/5/x", true},
      {"/static/**", "/static/", true},
      {"/static/**", "/static/a/b", true},
      {"/static/**", "/static", false},
      {"/**", "/", true},
      {"/**", "/a/b", true},
      {"/", "/", true},
      {"/", "/a", false},
      {"/**", "*", false},
      {"/a%7eb", "/a~b", true},
      {"/a/{x}/**", "/a/b/", true},
      {"/a/{x}/**", "/a/b", false},
  };
  for (const auto& row : rows) {
    INFO(row.pattern << " " << row.path);
    CHECK(pattern(row.pattern).matches(row.path) == row.matches);
  }
}

TEST_CASE("a pattern covers another if it matches all of its paths") {
  struct Row {
    const char* first;
    const char* second;
    bool covers;
  };
  const Row rows[] = {
      {"/**", "/a", true},        {"/**", "/**", true},      {"/a/**", "/a/b/{c}", true},
      {"/a/**", "/a", false},     {"/a/{b}", "/a/c", true},  {"/a/c", "/a/{b}", false},
      {"/a/{b}", "/a/**", false}, {"/a/{b}", "/a/", false},  {"/a", "/a", true},
      {"/a/{b}", "/a/{c}", true}, {"/a/**", "/b/**", false}, {"/a/b/**", "/a/**", false},
  };
  for (const auto& row : rows) {
    INFO(row.first << " " << row.second);
    CHECK(pattern(row.first).covers(pattern(row.second)) == row.covers);
  }
}

TEST_CASE("two patterns overlap if some path matches both") {
  struct Row {
    const char* first;
    const char* second;
    bool overlap;
  };
  const Row rows[] = {
      {"/**", "/a", true},          {"/a/**", "/a", false},    {"/a/**", "/a/", true},
      {"/a/**", "/{x}/b", true},    {"/a/{x}", "/a/b", true},  {"/a/{x}", "/a/", false},
      {"/{x}/b", "/a/{y}", true},   {"/{x}/b", "/a/c", false}, {"/a", "/a", true},
      {"/a", "/a/b", false},        {"/a/**", "/b/**", false}, {"/a/b/**", "/a/**", true},
      {"/a/b/**", "/a/{x}", false}, {"/{x}/**", "/a/b", true}, {"/a/{x}/c", "/a/b/**", true},
  };
  for (const auto& row : rows) {
    INFO(row.first << " " << row.second);
    CHECK(pattern(row.first).overlaps(pattern(row.second)) == row.overlap);
    CHECK(pattern(row.second).overlaps(pattern(row.first)) == row.overlap);
  }
}

TEST_CASE("a malformed pattern is refused with a message") {
  for (const char* bad :
       {"", "a", "/a b", "/a?b", "/a#b", "/**/a", "/a**", "/{}", "/a{b}", "/{a}b", "/*", "/{a*}"}) {
    std::string error;
    INFO(bad);
    CHECK_FALSE(PathPattern::parse(bad, error));
    CHECK_FALSE(error.empty());
  }
}

TEST_CASE("a bound placeholder of one pattern has the segment that another pattern has for its name") {
  const auto route = pattern("/shops/{shop}/orders/{id}/summary");
  const auto write = pattern("/orders/{=id}/of/{=shop}/**");
  CHECK(route.names() == std::vector<std::string>{"shop", "id"});
  CHECK_FALSE(route.has_bound_names());
  CHECK(write.has_bound_names());
  CHECK(write.names().empty());
  CHECK(write.bound_names() == std::vector<std::string>{"id", "shop"});
  CHECK(write.matches("/orders/7/of/a/b"));
  CHECK_FALSE(write.matches("/orders//of/a/b"));
  CHECK(write.segment_of("shop", "/orders/7/of/a/b") == "a");
  CHECK(route.segment_of("shop", "/shops/a/orders/7/summary") == "a");
  CHECK(route.segment_of("id", "/shops/a/orders/7/summary") == "7");
  CHECK(route.segment_of("other", "/shops/a/orders/7/summary").empty());
  CHECK(write.bound_text(route, "/shops/a/orders/7/summary") == "/orders/7/of/a/**");
}

TEST_CASE("a query is split without being changed") {
  std::string text;
  std::string_view rest = "a=1&b&=c&&d=x=y";
  QueryPiece piece;
  while (next_query_piece(rest, piece))
    text.append("[").append(piece.name).append("|").append(piece.value).append("]");
  CHECK(text == "[a|1][b|][|c][|][d|x=y]");
  CHECK(decode_query("a%20b+c%zz%C3%A9") == "a b c%zz\xC3\xA9");
}
