#include "admin/access.hpp"

#include "../catch.hpp"

#include <string>

using namespace larder;

namespace {

// A parsed request with the bytes that it has views into.
struct Request {
  Request(const std::string& host, const std::string& lines)
      : bytes("POST /api/purge HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n") {
    const auto result = http::read_request(bytes, {}, head);
    REQUIRE(result.state == http::GateResult::State::complete);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string bytes;
  http::RequestHead head;
};

}  // namespace

TEST_CASE("a Host is accepted only if foreign DNS cannot make it resolve to the listener") {
  struct Row {
    const char* host;
    bool expected;
  };
  const auto row = GENERATE(values<Row>({
      {"localhost", true},   {"LocalHost:9901", true},       {"larder.localhost:9901", true},
      {"127.0.0.1", true},   {"127.0.0.1:9901", true},       {"192.0.2.1:9901", true},
      {"[::1]", true},       {"[::1]:9901", true},           {"[2001:db8::1]:80", true},
      {"larder", true},      {"larder:9901", false},         {"larder.test", false},
      {"evil.test", false},  {"localhost.evil.test", false}, {"evillocalhost", false},
      {"localhost.", false}, {"127.0.0.1.", false},          {"127.0.0.1.evil.test", false},
      {"127.1", false},      {"2130706433", false},          {"0x7f000001", false},
      {"0177.0.0.1", false}, {"127.0.0.256", false},         {"%31%32%37.0.0.1", false},
  }));
  CAPTURE(row.host);
  const Request request(row.host, "");
  CHECK(admin::has_own_name(request.head) == row.expected);
}

TEST_CASE("an HTTP/1.0 request without Host is not accepted") {
  const std::string bytes = "GET / HTTP/1.0\r\n\r\n";
  http::RequestHead head;
  REQUIRE(http::read_request(bytes, {}, head).state == http::GateResult::State::complete);
  CHECK_FALSE(admin::has_own_name(head));
}

TEST_CASE("the token must match completely and be sent once") {
  const std::string token = "0123456789abcdef";
  struct Row {
    std::string lines;
    bool expected;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"Authorization: Bearer " + token + "\r\n", true},
      {"authorization: bEARER   " + token + "\r\n", true},
      {"", false},
      {"Authorization:\r\n", false},
      {"Authorization: Bearer\r\n", false},
      {"Authorization: Bearer " + token.substr(1) + "\r\n", false},
      {"Authorization: Bearer " + token.substr(0, 15) + "\r\n", false},
      {"Authorization: Bearer " + token + "0\r\n", false},
      {"Authorization: Bearer " + token + token + "\r\n", false},
      {"Authorization: Bearer 0123456789ABCDEF\r\n", false},
      {"Authorization: Bearer\t" + token + "\r\n", false},
      {"Authorization: Basic " + token + "\r\n", false},
      {"Authorization: " + token + "\r\n", false},
      {"Authorization: Bearer " + token + "\r\nAuthorization: Bearer " + token + "\r\n", false},
      {"Proxy-Authorization: Bearer " + token + "\r\n", false},
      {"Connection: authorization\r\nAuthorization: Bearer " + token + "\r\n", false},
  }));
  CAPTURE(row.lines);
  const Request request("localhost", row.lines);
  CHECK(admin::has_token(request.head, token) == row.expected);
}

TEST_CASE("a request that changes something must be JSON and not come from another site") {
  const std::string json = "Content-Type: application/json\r\n";
  struct Row {
    std::string lines;
    int expected;  // 0 = allowed
  };
  const auto row = GENERATE_COPY(values<Row>({
      {json, 0},
      {"content-type: APPLICATION/JSON ; charset=utf-8\r\n", 0},
      {json + "Origin: http://localhost:9901\r\n", 0},
      {json + "Origin: https://localhost:9901\r\n", 0},
      {json + "Sec-Fetch-Site: same-origin\r\n", 0},
      {json + "Sec-Fetch-Site: none\r\n", 0},
      {json + "Origin: http://localhost\r\n", 403},
      {json + "Origin: http://localhost:9901/\r\n", 403},
      {json + "Origin: http://localhost:99010\r\n", 403},
      {json + "Origin: localhost:9901\r\n", 403},
      {json + "Origin: null\r\n", 403},
      {json + "Origin:\r\n", 403},
      {json + "Origin: http://localhost:9901\r\nOrigin: http://localhost:9901\r\n", 403},
      {json + "Origin: http://localhost:9901\r\norigin: http://evil.test\r\n", 403},
      {json + "Sec-Fetch-Site: same-site\r\n", 403},
      {json + "Sec-Fetch-Site: cross-site\r\n", 403},
      {json + "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", 403},
      {json + "Sec-Fetch-Site:\r\n", 403},
      {"", 415},
      {"Content-Type:\r\n", 415},
      {"Content-Type: text/plain\r\n", 415},
      {"Content-Type: application/jsonp\r\n", 415},
      {"Content-Type: application/json, text/plain\r\n", 415},
      {json + json, 415},
  }));
  CAPTURE(row.lines);
  const Request request("localhost:9901", row.lines);
  const auto refused = admin::against_change(request.head);
  CHECK((refused ? refused->status : 0) == row.expected);
}
