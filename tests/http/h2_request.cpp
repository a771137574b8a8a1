// The fields of an HTTP/2 request as the text of an HTTP/1 head (RFC 9113 8).
#include "http/h2_request.hpp"

#include "catch.hpp"

#include <string>
#include <utility>
#include <vector>

using larder::http::H2Request;
using larder::http::Limits;
using Fault = H2Request::Fault;
using Fields = std::vector<std::pair<std::string, std::string>>;

namespace {

const Fields get{{":method", "GET"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "api.test"}};

Fields with(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// The fault, or the text.
std::string read(const Fields& fields, bool ends = true, const Limits& limits = {}) {
  H2Request request;
  for (const auto& [name, value] : fields) (void)request.add(name, value, limits);
  switch (request.finish(ends)) {
    case Fault::malformed:
      return "malformed";
    case Fault::too_large:
      return "too large";
    default:
      return std::string(request.text());
  }
}

}  // namespace

TEST_CASE("a request is the head that HTTP/1 would have") {
  CHECK(read(get) == "GET /x HTTP/1.1\r\nHost: api.test\r\n\r\n");
  CHECK(read(with(get, {{"accept", "*/*"}, {"te", "trailers"}})) ==
        "GET /x HTTP/1.1\r\nHost: api.test\r\naccept: */*\r\n\r\n");
  CHECK(read({{":path", "/x?y"}, {":method", "HEAD"}, {":scheme", "https"}, {"host", "api.test"}}) ==
        "HEAD /x?y HTTP/1.1\r\nHost: api.test\r\n\r\n");
  CHECK(read(with(get, {{"host", "API.test"}})) == "GET /x HTTP/1.1\r\nHost: api.test\r\n\r\n");
  CHECK(read({{":method", "OPTIONS"}, {":scheme", "http"}, {":path", "*"}, {":authority", "a"}}) ==
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(read(with(get, {{"empty", ""}, {"accept", "a, b"}})) ==
        "GET /x HTTP/1.1\r\nHost: api.test\r\nempty: \r\naccept: a, b\r\n\r\n");
}

TEST_CASE("the crumbs of a cookie are one field") {
  CHECK(read(with(get, {{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}})) ==
        "GET /x HTTP/1.1\r\nHost: api.test\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n");
}

TEST_CASE("a body has its length, or is chunked") {
  CHECK(read(get, false) == "GET /x HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(read(with(get, {{"content-length", "5"}}), false) ==
        "GET /x HTTP/1.1\r\nHost: api.test\r\ncontent-length: 5\r\n\r\n");
}

TEST_CASE("an extended CONNECT is a GET with Upgrade") {
  CHECK(read({{":method", "CONNECT"},
              {":protocol", "websocket"},
              {":scheme", "https"},
              {":path", "/ws"},
              {":authority", "a"}},
             false) == "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_CASE("what would mean something else in HTTP/1 is malformed") {
  const auto without = [](const std::string& name) {
    auto fields = get;
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    return fields;
  };
  const auto replaced = [](const std::string& name, const std::string& value) {
    auto fields = get;
    for (auto& field : fields)
      if (field.first == name) field.second = value;
    return fields;
  };
  const std::vector<Fields> cases{
      // Pseudo-fields (RFC 9113 8.3).
      without(":method"),
      without(":scheme"),
      without(":path"),
      with(get, {{":method", "GET"}}),
      with(get, {{":scheme", "http"}}),
      with(get, {{":path", "/y"}}),
      with(get, {{":authority", "api.test"}}),
      with(get, {{":status", "200"}}),
      with(get, {{":unknown", "a"}}),
      with({{"accept", "*/*"}}, get),
      with(get, {{":protocol", "websocket"}}),
      replaced(":path", ""),
      replaced(":path", "x"),
      replaced(":path", "*"),
      replaced(":path", "http://other.test/"),
      replaced(":path", "/x HTTP/1.1\r\nHost: other.test\r\n\r\n"),
      replaced(":path", "/x y"),
      replaced(":method", ""),
      replaced(":method", "GET /other HTTP/1.1\r\n"),
      replaced(":method", "G(T"),
      replaced(":authority", "api.test\r\nX: y"),
      replaced(":authority", "api.test x"),
      replaced(":authority", ""),
      replaced(":scheme", "ht tp"),
      replaced(":scheme", "ftp"),
      with(get, {{"host", "other.test"}}),
      with(get, {{"host", "api.test"}, {"host", "api.test"}}),
      {{":method", "CONNECT"}, {":authority", "a"}, {":path", "/"}, {":scheme", "http"}},
      {{":method", "CONNECT"}, {":authority", "a"}, {":protocol", "websocket"}},
      // Field names and values (8.2.1).
      with(get, {{"Accept", "*/*"}}),
      with(get, {{"", "a"}}),
      with(get, {{"a b", "a"}}),
      with(get, {{"a:b", "a"}}),
      with(get, {{"a\r\nb", "a"}}),
      with(get, {{"a", "b\r\nc: d"}}),
      with(get, {{"a", "b\nc"}}),
      with(get, {{"a", "b\rc"}}),
      with(get, {{"a", std::string("b\0c", 3)}}),
      with(get, {{"a", " b"}}),
      with(get, {{"a", "b\t"}}),
      with(get, {{"cookie", "a=1\r\nb: c"}}),
      // Of a connection (8.2.2).
      with(get, {{"connection", "close"}}),
      with(get, {{"keep-alive", "timeout=5"}}),
      with(get, {{"proxy-connection", "close"}}),
      with(get, {{"transfer-encoding", "chunked"}}),
      with(get, {{"upgrade", "websocket"}}),
      with(get, {{"te", "gzip"}}),
  };
  for (const auto& fields : cases) {
    std::string shown;
    for (const auto& [name, value] : fields) shown.append(name).append("=").append(value).append("; ");
    CAPTURE(shown);
    CHECK(read(fields) == "malformed");
  }
}

TEST_CASE("CONNECT without a protocol is for the gate to refuse") {
  CHECK(read({{":method", "CONNECT"}, {":authority", "a:443"}}) ==
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
}

TEST_CASE("what exceeds the gate's limits is not kept") {
  Limits limits;
  limits.head = 1000;
  CHECK(read(with(get, {{"a", std::string(1000, 'a')}}), true, limits) == "too large");
  limits = {};
  limits.fields = 2;
  CHECK(read(with(get, {{"a", "1"}, {"b", "2"}}), true, limits).starts_with("GET"));
  CHECK(read(with(get, {{"a", "1"}, {"b", "2"}, {"c", "3"}}), true, limits) == "too large");
}

TEST_CASE("a request is reusable") {
  H2Request request;
  CHECK(request.add("Bad", "", {}) == Fault::malformed);
  CHECK(request.add(":method", "GET", {}) == Fault::malformed);
  request.clear();
  for (const auto& [name, value] : get) CHECK(request.add(name, value, {}) == Fault::none);
  CHECK(request.finish(true) == Fault::none);
  CHECK(request.text() == "GET /x HTTP/1.1\r\nHost: api.test\r\n\r\n");
}
