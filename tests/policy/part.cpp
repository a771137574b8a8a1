#include "policy/part.hpp"

#include "../catch.hpp"
#include "policy/precondition.hpp"
#include "policy/storability.hpp"
#include "support.hpp"

using namespace larder;
using namespace std::chrono_literals;
using policy::Part;

namespace {

// A stored response of ten bytes, or of the bytes that Content-Range names.
policy::StoredMeta stored(const std::string& lines, int status = 200) {
  const test::Request request("GET /x");
  const test::Lines fields("Cache-Control: max-age=60\n" + lines);
  const auto judged =
      policy::judge(request.facts, test::standard_route(), status, fields, {false, true}, test::received());
  return std::get<policy::StoredMeta>(judged);
}

std::string cut(const std::string& request, const policy::StoredMeta& meta, std::uint64_t size = 10) {
  const test::Request asked("GET /x", request);
  const auto choice = policy::cut_for(asked.facts, meta, meta.entity_tag, size, test::at().wall);
  if (std::holds_alternative<policy::Whole>(choice)) return "whole";
  if (std::holds_alternative<policy::Unsatisfiable>(choice)) return "416";
  const auto& range = std::get<http::ByteRange>(choice);
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

struct Row {
  const char* rule;
  const char* request;
  const char* stored;
  const char* expected;
};

const Row cuts[] = {
    {"9110 14.2: no Range", "A: b", "", "whole"},
    {"9110 14.1.2: from, to", "Range: bytes=2-5", "", "2-5"},
    {"9110 14.1.2: beyond the end", "Range: bytes=2-50", "", "2-9"},
    {"9110 14.1.2: from", "Range: bytes=9-", "", "9-9"},
    {"9110 14.1.2: the last ones", "Range: bytes=-4", "", "6-9"},
    {"9110 14.1.2: more than there are", "Range: bytes=-40", "", "0-9"},
    {"9110 14.1.2: none of them", "Range: bytes=-0", "", "416"},
    {"9110 14.1.2: begins behind the end", "Range: bytes=10-12", "", "416"},
    {"9110 14.2: several ranges may be ignored", "Range: bytes=0-1,3-4", "", "whole"},
    {"9110 14.2: an unknown unit is ignored", "Range: items=0-1", "", "whole"},
    {"9110 14.1.1: an invalid one is ignored", "Range: bytes=5-2", "", "whole"},
    {"9110 13.1.5: If-Range names it", "Range: bytes=0-1\nIf-Range: \"a\"", "ETag: \"a\"", "0-1"},
    {"9110 13.1.5: or another", "Range: bytes=0-1\nIf-Range: \"b\"", "ETag: \"a\"", "whole"},
    {"9110 13.1.5: weakly is not enough", "Range: bytes=0-1\nIf-Range: W/\"a\"", "ETag: W/\"a\"", "whole"},
    {"9110 13.1.5: there is nothing to name", "Range: bytes=0-1\nIf-Range: \"a\"", "", "whole"},
    {"9110 13.1.5: several lines", "Range: bytes=0-1\nIf-Range: \"a\"\nIf-Range: \"a\"", "ETag: \"a\"",
     "whole"},
    {"9110 13.1.5: by a date that is strong", "Range: bytes=0-1\nIf-Range: Sun, 06 Nov 1994 08:48:37 GMT",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:48:37 GMT", "0-1"},
    {"9110 8.8.2.2: one that is not", "Range: bytes=0-1\nIf-Range: Sun, 06 Nov 1994 08:48:38 GMT",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:48:38 GMT", "whole"},
};

Part part(std::uint64_t first, std::uint64_t last, std::optional<std::uint64_t> complete = 10) {
  return {first, last, complete, true};
}

}  // namespace

TEST_CASE("a range of a completely stored response") {
  for (const auto& row : cuts) {
    INFO(row.rule);
    CHECK(cut(row.request, stored(row.stored)) == row.expected);
  }
}

TEST_CASE("a range applies only to a stored 200") {
  CHECK(cut("Range: bytes=0-1", stored("", 404)) == "whole");
}

TEST_CASE("a range of an empty representation is ignored (RFC 9110 14.2)") {
  for (const char* range :
       {"Range: bytes=0-", "Range: bytes=0-1", "Range: bytes=5-", "Range: bytes=-5", "Range: bytes=-0"}) {
    INFO(range);
    CHECK(cut(range, stored(""), 0) == "whole");
  }
}

TEST_CASE("a stored part is used for ranges that lie in it (RFC 9111 3.3)") {
  const auto has = [](const char* request, const char* content_range) {
    const test::Request asked("GET /x", request);
    return policy::has_bytes_for(asked.facts,
                                 stored(std::string("ETag: \"a\"\nContent-Range: ") + content_range, 206),
                                 test::at().wall);
  };
  CHECK(has("Range: bytes=2-5", "bytes 2-5/10"));
  CHECK(has("Range: bytes=3-4", "bytes 2-5/10"));
  CHECK_FALSE(has("Range: bytes=1-4", "bytes 2-5/10"));
  CHECK_FALSE(has("Range: bytes=3-6", "bytes 2-5/10"));
  CHECK(has("Range: bytes=7-", "bytes 6-9/10"));
  CHECK(has("Range: bytes=-2", "bytes 6-9/10"));
  CHECK(has("Range: bytes=7-100", "bytes 6-9/10"));
  CHECK_FALSE(has("Range: bytes=-5", "bytes 6-9/10"));
  CHECK_FALSE(has("A: b", "bytes 0-9/10"));  // a request without a range needs a 200
  CHECK_FALSE(has("Range: bytes=2-5\nIf-Range: \"b\"", "bytes 2-5/10"));
  // Without the complete length, only a range with both ends can be located.
  CHECK(has("Range: bytes=3-4", "bytes 2-5/*"));
  CHECK_FALSE(has("Range: bytes=3-", "bytes 2-5/*"));
  CHECK_FALSE(has("Range: bytes=-1", "bytes 2-5/*"));
}

TEST_CASE("a part's range is read from Content-Range (RFC 9110 14.4)") {
  const auto read = [](const char* lines) {
    const test::Lines fields(lines);
    return policy::part_of(fields);
  };
  CHECK(read("Content-Range: bytes 2-5/10") == part(2, 5));
  CHECK(read("Content-Range: bytes 2-5/*") == part(2, 5, std::nullopt));
  for (const char* bad :
       {"A: b", "Content-Range: bytes */10", "Content-Range: bytes 5-2/10", "Content-Range: bytes 2-10/10",
        "Content-Range: items 2-5/10", "Content-Range: bytes 2-5/10\nContent-Range: bytes 2-5/10"}) {
    INFO(bad);
    CHECK_FALSE(read(bad));
  }
}

TEST_CASE("a part is adjusted to the size of the body received") {
  auto exact = part(4, 9);
  CHECK(policy::fit(exact, 6));
  CHECK(exact == part(4, 9));
  auto to_the_end = part(4, 9);
  CHECK(policy::fit(to_the_end, 5));
  CHECK(to_the_end == Part{4, 8, 9, false});
  auto inside = part(2, 5);
  CHECK(policy::fit(inside, 3));
  CHECK(inside == Part{2, 4, 10, false});
  auto longer = part(2, 5);
  CHECK_FALSE(policy::fit(longer, 5));
  CHECK_FALSE(policy::fit(longer, 0));
}

TEST_CASE(
    "parts with the same strong validator are combined if they overlap or are adjacent (RFC 9111 3.4)") {
  const auto join = [](const std::string& a, const std::string& b) -> std::optional<Part> {
    return policy::joined(stored(a, 206), stored(b, 206));
  };
  const std::string tag = "ETag: \"a\"\nContent-Range: bytes ";
  CHECK(join(tag + "0-3/10", tag + "4-9/10") == part(0, 9));
  CHECK(join(tag + "4-9/10", tag + "0-3/10") == part(0, 9));
  CHECK(join(tag + "0-6/10", tag + "2-3/10") == part(0, 6));
  CHECK(join(tag + "0-3/*", tag + "2-5/*") == part(0, 5, std::nullopt));
  CHECK_FALSE(join(tag + "0-3/10", tag + "5-9/10"));
  CHECK_FALSE(join(tag + "0-3/10", tag + "4-9/11"));
  CHECK_FALSE(join(tag + "0-3/10", "ETag: \"b\"\nContent-Range: bytes 4-9/10"));
  CHECK_FALSE(
      join("ETag: W/\"a\"\nContent-Range: bytes 0-3/10", "ETag: W/\"a\"\nContent-Range: bytes 4-9/10"));
  CHECK_FALSE(join("Content-Range: bytes 0-3/10", "Content-Range: bytes 4-9/10"));
  CHECK_FALSE(join(tag + "0-3/10", "Content-Range: bytes 4-9/10"));
  const std::string strong =
      "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:48:37 GMT\nContent-Range: "
      "bytes ";
  CHECK(join(strong + "0-3/10", strong + "4-9/10") == part(0, 9));
  const std::string weak =
      "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:49:36 GMT\nContent-Range: "
      "bytes ";
  CHECK_FALSE(join(weak + "0-3/10", weak + "4-9/10"));
}

TEST_CASE("the rest of a part is requested only if both together are complete (RFC 9111 3.3)") {
  CHECK(policy::rest_of(stored("ETag: \"a\"\nContent-Range: bytes 0-3/10", 206)) == 4u);
  CHECK_FALSE(policy::rest_of(stored("ETag: W/\"a\"\nContent-Range: bytes 0-3/10", 206)));
  CHECK_FALSE(policy::rest_of(stored("Content-Range: bytes 0-3/10", 206)));
  CHECK_FALSE(policy::rest_of(stored("ETag: \"a\"\nContent-Range: bytes 1-3/10", 206)));
  CHECK_FALSE(policy::rest_of(stored("ETag: \"a\"\nContent-Range: bytes 0-3/*", 206)));
  CHECK_FALSE(policy::rest_of(stored("ETag: \"a\"")));
}

TEST_CASE("a part is stored only if a range was requested (RFC 9111 3.3)") {
  const test::Request request("GET /x", "Range: bytes=0-3");
  const test::Lines fields("Cache-Control: max-age=60\nContent-Range: bytes 0-3/10");
  const auto judge = [&](const settings::Route& route, bool asked, http::Fields response) {
    return policy::judge(request.facts, route, 206, response, {false, asked}, test::received());
  };
  const auto kept = judge(test::standard_route(), true, fields);
  REQUIRE(std::holds_alternative<policy::StoredMeta>(kept));
  CHECK(std::get<policy::StoredMeta>(kept).part == part(0, 3));
  CHECK(std::get<policy::Detail>(judge(test::standard_route(), false, fields)) ==
        policy::Detail::partial_content);
  CHECK(std::get<policy::Detail>(judge(test::ttl_route(), true, fields)) == policy::Detail::partial_content);
  const test::Lines several("Cache-Control: max-age=60\nContent-Type: multipart/byteranges; boundary=x");
  CHECK(std::get<policy::Detail>(judge(test::standard_route(), true, several)) ==
        policy::Detail::partial_content);
}

TEST_CASE("the response to a HEAD freshens or expires the stored response (RFC 9111 4.3.5)") {
  using policy::HeadEffect;
  const auto effect = [](const char* lines, int status = 200) {
    const test::Lines fresh(lines);
    const auto held = stored("ETag: \"a\"\nLast-Modified: Sun, 06 Nov 1994 08:48:37 GMT");
    return policy::head_effect(held, 10, status, fresh);
  };
  CHECK(effect("A: b") == HeadEffect::renews);
  CHECK(effect("ETag: \"a\"\nContent-Length: 10\nLast-Modified: Sun, 06 Nov 1994 08:48:37 GMT") ==
        HeadEffect::renews);
  CHECK(effect("ETag: \"b\"") == HeadEffect::expires);
  CHECK(effect("Last-Modified: Sun, 06 Nov 1994 08:48:38 GMT") == HeadEffect::expires);
  CHECK(effect("Content-Length: 11") == HeadEffect::expires);
  CHECK(effect("Content-Length: 0010") == HeadEffect::renews);
  CHECK(effect("ETag: \"b\"", 404) == HeadEffect::none);
}
