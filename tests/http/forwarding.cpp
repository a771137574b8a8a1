// Forwarding of messages: Max-Forwards, digests.
#include "../catch.hpp"
#include "../policy/support.hpp"
#include "http/body_fields.hpp"
#include "http/max_forwards.hpp"

using namespace larder::http;
using larder::test::Lines;

TEST_CASE("Max-Forwards applies only to OPTIONS and TRACE (RFC 9110 7.6.2)") {
  const auto left = [](Method method, const char* lines) {
    const Lines fields(lines);
    return forwards_left(method, fields);
  };
  for (const auto method : {Method::options, Method::trace}) {
    CHECK(left(method, "Max-Forwards: 0") == 0u);
    CHECK(left(method, "max-forwards: 000") == 0u);
    CHECK(left(method, "Max-Forwards: 7") == 7u);
    CHECK(left(method, "Max-Forwards: 99999999999999999999") == 18446744073709551615u);
    for (const char* other : {"A: b", "Max-Forwards:", "Max-Forwards: -1", "Max-Forwards: 1.0",
                              "Max-Forwards: 0, 0", "Max-Forwards: x", "Max-Forwards: 0\nMax-Forwards: 0"}) {
      INFO(other);
      CHECK_FALSE(left(method, other));
    }
  }
  for (const auto method : {Method::get, Method::head, Method::post, Method::put, Method::unknown})
    CHECK_FALSE(left(method, "Max-Forwards: 0"));
}

TEST_CASE("the response to a TRACE contains the request without sensitive fields (RFC 9110 9.3.8)") {
  RequestHead head;
  const std::string bytes =
      "TRACE http://a/b?c HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nAuthorization: Basic x\r\nX-A: 1\r\n"
      "proxy-authorization: Basic x\r\nCOOKIE: a=b\r\nX-Api-Key: k\r\nApi-Key: k\r\nX-Auth-Token: t\r\n"
      "Via: 1.1 before\r\n\r\n";
  REQUIRE(read_request(bytes, {}, head).state == GateResult::State::complete);
  std::string out = "something";
  write_trace(head, out);
  CHECK(out ==
        "TRACE http://a/b?c HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-A: 1\r\nVia: 1.1 before\r\n\r\n");
}

TEST_CASE("content digests and representation digests are distinguished (RFC 9530)") {
  for (const char* name : {"Content-Digest", "content-digest", "Content-MD5"}) {
    INFO(name);
    CHECK(is_content_digest(name));
    CHECK(is_digest(name));
  }
  for (const char* name : {"Repr-Digest", "DIGEST"}) {
    INFO(name);
    CHECK_FALSE(is_content_digest(name));
    CHECK(is_digest(name));
  }
  for (const char* name : {"Want-Repr-Digest", "ETag", "Content-Length"}) CHECK_FALSE(is_digest(name));
}
