#include "http/gate.hpp"

#include "../catch.hpp"

#include <random>

using namespace larder::http;
using State = GateResult::State;

namespace {

std::string said(const GateResult& result) {
  switch (result.state) {
    case State::need_more:
      return "need more";
    case State::complete:
      return "complete";
    case State::refused:
      return std::string(name_of(*result.refusal));
  }
  return "";
}

std::string request(const std::string& bytes, const Limits& limits = {}) {
  RequestHead head;
  return said(read_request(bytes, limits, head));
}

std::string response(const std::string& bytes, Method method = Method::get) {
  ResponseHead head;
  return said(read_response(bytes, {}, method, head));
}

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";

struct Row {
  const char* rule;
  std::string bytes;
  const char* expected;
};

// Complete heads. Each is also parsed truncated at every position, which must not be refused if the whole is
// accepted.
const Row requests[] = {
    {"RFC 9112 2.1", get + "\r\n", "complete"},
    {"2.2: an empty line first", "\r\n" + get + "\r\n", "complete"},
    {"2.2: but one", "\r\n\r\n" + get + "\r\n", "bad_start_line"},
    {"2.2: a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", "bare_lf"},
    {"2.2: a bare CR", get + "X: a\rb\r\n\r\n", "bare_cr"},
    {"2.2: white space before the first field", "GET / HTTP/1.1\r\n X: 1\r\n\r\n", "bad_field_name"},
    {"2.3: another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"2.3: a malformed version", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", "bad_version"},
    {"2.3: versions are case-sensitive", "GET / http/1.1\r\nHost: a\r\n\r\n", "bad_version"},
    {"3: no version", "GET /\r\n\r\n", "bad_version"},
    {"3: no target", "GET\r\n\r\n", "bad_start_line"},
    {"3.1: a method is a token", "G{T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_method"},
    {"3.1: a long method", std::string(33, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n", "method_too_long"},
    {"3.2: an extension method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "complete"},
    {"3.2: no Host", "GET / HTTP/1.1\r\n\r\n", "missing_host"},
    {"3.2: two Hosts", get + "Host: a\r\n\r\n", "several_hosts"},
    {"3.2: a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_host"},
    {"3.2: a fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"},
    {"3.2: neither origin-form nor absolute-form", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"},
    {"3.2.2: absolute-form", "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "complete"},
    {"3.2.2: absolute-form with another host", "GET http://b/b HTTP/1.1\r\nHost: a\r\n\r\n", "host_mismatch"},
    {"3.2.3: authority-form", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "method_not_implemented"},
    {"3.2.4: asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "complete"},
    {"3.2.4: with another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"},
    {"5.1: a blank before the colon", get + "X : 1\r\n\r\n", "space_before_colon"},
    {"5.1: no colon", get + "X\r\n\r\n", "bad_field_name"},
    {"5.1: a name that is no token", get + "X@Y: 1\r\n\r\n", "bad_field_name"},
    {"5.2: a fold", get + "X: 1\r\n 2\r\n\r\n", "folded_line"},
    {"RFC 9110 5.5: NUL", get + std::string("X: a\0b\r\n\r\n", 10), "bad_field_value"},
    {"5.5: obs-text", get + "X: \xE9\r\n\r\n", "complete"},
    {"6.1: both framings", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     "length_with_transfer_encoding"},
    {"6.1: chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
     "transfer_encoding_in_http10"},
    {"6.1: another coding", post + "Transfer-Encoding: gzip\r\n\r\n", "transfer_coding_not_implemented"},
    {"6.1: chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n", "bad_transfer_encoding"},
    {"6.1: chunked not last", post + "Transfer-Encoding: chunked, gzip\r\n\r\n", "bad_transfer_encoding"},
    {"6.1: a parameter", post + "Transfer-Encoding: chunked;a=b\r\n\r\n", "bad_transfer_encoding"},
    {"6.1: nothing", post + "Transfer-Encoding:\r\n\r\n", "bad_transfer_encoding"},
    {"6.3: two lengths", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "several_content_lengths"},
    {"6.3: a list of lengths", post + "Content-Length: 1, 1\r\n\r\n", "several_content_lengths"},
    {"6.3: no number", post + "Content-Length: one\r\n\r\n", "bad_content_length"},
    {"6.3: a sign", post + "Content-Length: +1\r\n\r\n", "bad_content_length"},
    {"6.3: too much", post + "Content-Length: 99999999999999999999\r\n\r\n", "bad_content_length"},
    {"RFC 9110 10.1.1: another expectation", post + "Expect: x\r\n\r\n", "expectation_failed"},
    {"10.1.1: among others", post + "Expect: 100-continue, x\r\n\r\n", "expectation_failed"},
    {"10.1.1: the same one twice", post + "Expect: 100-continue, 100-continue\r\n\r\n", "complete"},
    {"10.1.1: over two lines", post + "Expect: 100-continue\r\nExpect: 100-Continue\r\n\r\n", "complete"},
};

const Row responses[] = {
    {"RFC 9112 4", "HTTP/1.1 200 OK\r\n\r\n", "complete"},
    {"4: an empty phrase", "HTTP/1.1 200 \r\n\r\n", "complete"},
    {"4: no phrase, and no blank before it", "HTTP/1.1 200\r\nA: b\r\n\r\n", "complete"},
    {"4: the same in HTTP/1.0", "HTTP/1.0 200\r\n\r\n", "complete"},
    {"4: and what follows is checked", "HTTP/1.1 200\r\nA : b\r\n\r\n", "space_before_colon"},
    {"4: no status", "HTTP/1.1\r\n\r\n", "bad_status"},
    {"4: a tab for a blank", "HTTP/1.1 200\tOK\r\n\r\n", "bad_status"},
    {"4: another version", "HTTP/2.0 200 OK\r\n\r\n", "version_not_supported"},
    {"4: no HTTP", "FTP/1.1 200 OK\r\n\r\n", "bad_start_line"},
    {"4: two digits", "HTTP/1.1 20 OK\r\n\r\n", "bad_status"},
    {"4: six hundred", "HTTP/1.1 600 OK\r\n\r\n", "bad_status"},
    {"4: below a hundred", "HTTP/1.1 099 OK\r\n\r\n", "bad_status"},
    {"2.2: an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "bad_start_line"},
    {"5.2: a fold", "HTTP/1.1 200 OK\r\nX: 1\r\n\t2\r\n\r\n", "folded_line"},
    {"6.1: both framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     "length_with_transfer_encoding"},
    {"6.1: a coding that larder does not decode", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
     "transfer_coding_not_implemented"},
    {"6.3: one that nobody knows, to the end of the connection",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: something\r\n\r\n", "complete"},
    {"6.1: but not beside chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: something, chunked\r\n\r\n",
     "transfer_coding_not_implemented"},
    {"6.1: nor beside a length",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: something\r\nContent-Length: 3\r\n\r\n",
     "length_with_transfer_encoding"},
    {"6.1: chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "transfer_encoding_in_http10"},
    {"6.3: two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     "several_content_lengths"},
};

}  // namespace

TEST_CASE("requests are parsed or refused as RFC 9112 requires") {
  for (const auto& row : requests) {
    INFO(row.rule);
    CHECK(request(row.bytes) == row.expected);
  }
}

TEST_CASE("responses are parsed or refused as RFC 9112 requires") {
  for (const auto& row : responses) {
    INFO(row.rule);
    CHECK(response(row.bytes) == row.expected);
  }
}

TEST_CASE("a head that arrives in pieces gives need_more until it is complete, and then the same result") {
  for (const auto& row : requests) {
    INFO(row.rule);
    for (std::size_t cut = 0; cut < row.bytes.size(); ++cut) {
      const auto early = request(row.bytes.substr(0, cut));
      if (std::string(row.expected) == "complete")
        REQUIRE(early == "need more");
      else
        REQUIRE((early == "need more" || early != "complete"));
    }
  }
}

TEST_CASE("bytes after a head are ignored") {
  RequestHead head;
  const auto bytes = get + "\r\n\x01\x02 anything";
  const auto result = read_request(bytes, {}, head);
  CHECK(result.state == State::complete);
  CHECK(result.head_size == get.size() + 2);
}

TEST_CASE("a head that exceeds a limit is refused as soon as that is certain, not at its end") {
  Limits limits;
  limits.head = 1000;
  limits.field = 100;
  limits.fields = 5;
  limits.target = 50;
  CHECK(request("GET /" + std::string(200, 'x'), limits) == "target_too_long");
  CHECK(request("GET /" + std::string(51, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits) ==
        "target_too_long");
  CHECK(request(get + "X: " + std::string(110, 'x'), limits) == "field_too_large");
  CHECK(request(get + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n", limits) == "too_many_fields");
  limits.fields = 100;
  std::string large = get;
  for (int i = 0; i < 20; ++i) large += "X: " + std::string(80, 'x') + "\r\n";
  CHECK(request(large, limits) == "head_too_large");
  CHECK(request(std::string(300, 'x'), limits) == "bad_start_line");
  CHECK(request("\x16\x03\x01", limits) == "bad_start_line");
}

TEST_CASE("a request's parts are views into the received bytes") {
  RequestHead head;
  const std::string bytes = "GET /a%2f?q=1&r HTTP/1.1\r\nHost: Api:80\r\nAccept:  x , y \r\n\r\n";
  REQUIRE(read_request(bytes, {}, head).state == State::complete);
  CHECK(head.method == Method::get);
  CHECK(head.path == "/a%2f");
  CHECK(head.query == "q=1&r");
  CHECK(head.has_query);
  CHECK(head.authority == "Api:80");
  REQUIRE(head.fields.size() == 2);
  CHECK(head.fields[1].value == "x , y");
  CHECK(head.framing.kind == Framing::Kind::none);
}

TEST_CASE("an absolute-form target is split into path and authority") {
  RequestHead head;
  REQUIRE(read_request("GET HTTP://A:80?x HTTP/1.1\r\nHost: a\r\n\r\n", {}, head).state == State::complete);
  CHECK(head.path == "/");
  CHECK(head.query == "x");
  REQUIRE(read_request("GET http://a/b HTTP/1.0\r\n\r\n", {}, head).state == State::complete);
  CHECK(head.authority == "a");
}

TEST_CASE("persistence follows version and Connection (RFC 9112 9.3)") {
  const auto keeps = [](const std::string& bytes) {
    RequestHead head;
    REQUIRE(read_request(bytes, {}, head).state == State::complete);
    return head.keep_alive;
  };
  CHECK(keeps(get + "\r\n"));
  CHECK_FALSE(keeps(get + "Connection: close\r\n\r\n"));
  CHECK_FALSE(keeps(get + "Connection: x\r\nConnection: y, CLOSE\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST_CASE("fields that Connection lists are removed from a request (RFC 9110 7.6.1)") {
  const auto names = [](const std::string& bytes) {
    RequestHead head;
    REQUIRE(read_request(bytes, {}, head).state == State::complete);
    std::string all;
    for (const auto& line : head.fields) all.append(line.name).append(" ");
    return all;
  };
  CHECK(names(get + "A: 1\r\nConnection: keep-alive\r\nB: 2\r\n\r\n") == "Host A Connection B ");
  CHECK(names(get + "A: 1\r\nConnection: a\r\nB: 2\r\na: 3\r\n\r\n") == "Host Connection B ");
  CHECK(names(get + "Origin: x\r\nConnection: close, oRIGIN\r\nConnection: b\r\nB: 2\r\n\r\n") ==
        "Host Connection Connection ");
  // Fields that larder itself evaluates remain, and values already read from a listed field stay valid.
  CHECK(names(get + "Upgrade: x\r\nConnection: upgrade, connection\r\n\r\n") == "Host Upgrade Connection ");
  RequestHead head;
  const auto bytes = post + "Content-Length: 5\r\nConnection: content-length, host\r\n\r\n";
  REQUIRE(read_request(bytes, {}, head).state == State::complete);
  CHECK(head.framing.length == 5);
  CHECK(head.authority == "a");
}

TEST_CASE("the framing of a response follows RFC 9112 6.3") {
  const auto kind = [](const std::string& bytes, Method method = Method::get) {
    ResponseHead head;
    REQUIRE(read_response(bytes, {}, method, head).state == State::complete);
    return head.framing.kind;
  };
  using Kind = Framing::Kind;
  CHECK(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == Kind::length);
  CHECK(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head) == Kind::none);
  CHECK(kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == Kind::chunked);
  CHECK(kind("HTTP/1.1 200 OK\r\n\r\n") == Kind::until_close);
  for (const char* status :
       {"100 Continue", "101 Switching Protocols", "204 No Content", "304 Not Modified"}) {
    CHECK(kind(std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 5\r\n\r\n") == Kind::none);
  }
}

TEST_CASE("a status line may lack the space before an empty reason phrase (RFC 9112 4)") {
  const std::string bytes = "HTTP/1.0 404\r\nServer:  x y \r\nContent-Length: 5\r\nEmpty:\r\n\r\nbody";
  ResponseHead head;
  const auto result = read_response(bytes, {}, Method::get, head);
  REQUIRE(result.state == State::complete);
  CHECK(result.head_size == bytes.find("body"));
  CHECK(head.status == 404);
  CHECK(head.minor_version == 0);
  CHECK(head.reason.empty());
  CHECK(head.framing.length == 5);
  REQUIRE(head.fields.size() == 3);
  CHECK(head.fields[0].id == FieldId::server);
  CHECK(head.fields[0].value == "x y");
  CHECK(head.fields[2].name == "Empty");
  CHECK(head.fields[2].value.empty());
  // The views must point into the received bytes, not into a copy.
  for (const auto& line : head.fields) {
    CHECK(line.name.data() >= bytes.data());
    CHECK(line.name.data() < bytes.data() + bytes.size());
  }
  CHECK(head.fields[0].value.data() == bytes.data() + bytes.find("x y"));
}

TEST_CASE("an identity coding is removed from Content-Encoding (RFC 9110 8.4.1)") {
  const auto codings = [](const std::string& lines) {
    ResponseHead head;
    const auto bytes = "HTTP/1.1 200 OK\r\n" + lines + "Content-Length: 0\r\n\r\n";
    REQUIRE(read_response(bytes, {}, Method::get, head).state == State::complete);
    std::string all;
    for (const auto& line : head.fields) {
      if (line.id == FieldId::content_encoding) all.append("[").append(line.value).append("]");
    }
    return all;
  };
  CHECK(codings("Content-Encoding: identity\r\n").empty());
  CHECK(codings("content-encoding: Identity , identity\r\n").empty());
  CHECK(codings("Content-Encoding:\r\n").empty());
  CHECK(codings("Content-Encoding: gzip\r\n") == "[gzip]");
  CHECK(codings("Content-Encoding: gzip, identity\r\n") == "[gzip, identity]");
  CHECK(codings("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n") == "[gzip]");
  CHECK(codings("Content-Encoding: identityx\r\n") == "[identityx]");
}

TEST_CASE("a HEAD request is recognised by its first bytes even if the rest is malformed") {
  for (const char* bytes : {"HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", "\r\nHEAD / HTTP/1.1\r\n", "HEAD ",
                            "HEAD /\r\n\r\n", "HEAD / HTTP/3.0\r\n"}) {
    INFO(bytes);
    CHECK(is_for_head(bytes));
  }
  for (const char* bytes : {"", "HEA", "HEAD", "head / HTTP/1.1\r\n", "HEADS / HTTP/1.1\r\n", " HEAD /",
                            "GET /HEAD HTTP/1.1\r\n", "HEAD\t/ HTTP/1.1\r\n"}) {
    INFO(bytes);
    CHECK_FALSE(is_for_head(bytes));
  }
}

TEST_CASE("every refusal has a name, a sentence and a 4xx or 5xx status") {
  for (int i = 0; i <= static_cast<int>(Refusal::misdirected); ++i) {
    const auto reason = static_cast<Refusal>(i);
    CHECK_FALSE(name_of(reason).empty());
    CHECK_FALSE(describe(reason).empty());
    const auto status = status_of(reason);
    CHECK((status == 400 || status == 413 || status == 414 || status == 417 || status == 421 ||
           status == 431 || status == 501 || status == 505));
  }
}

TEST_CASE("random bytes are refused or give need_more") {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = requests[random() % std::size(requests)].bytes;
    for (unsigned changes = random() % 4; changes > 0 && !bytes.empty(); --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    RequestHead head;
    const auto result = read_request(bytes, {}, head);
    if (result.state != State::complete) continue;
    REQUIRE(result.head_size <= bytes.size());
    const auto read = std::string_view(bytes).substr(0, result.head_size);
    REQUIRE(read.ends_with("\r\n\r\n"));
    for (const auto& line : head.fields) {
      REQUIRE(line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
      REQUIRE(line.name.find_first_of(" \t:") == std::string_view::npos);
    }
  }
}

TEST_CASE("a UTF-8 target is percent-encoded once; other non-ASCII bytes are refused") {
  std::string text;  // the head has views into it
  const auto read = [&text](const std::string& target, larder::http::RequestHead& head) {
    text = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    return larder::http::read_request(text, {}, head);
  };
  larder::http::RequestHead head;
  CHECK(read("/caf\xC3\xA9?q=\xE4\xBA\xBA&r=%C3%A9", head).state ==
        larder::http::GateResult::State::complete);
  CHECK(head.target == "/caf\xC3\xA9?q=\xE4\xBA\xBA&r=%C3%A9");
  CHECK(head.path == "/caf%C3%A9");
  CHECK(head.query == "q=%E4%BA%BA&r=%C3%A9");
  for (const auto* bad : {"/\xC3", "/\xFF", "/\xC0\xAE", "/\xED\xA0\x80", "/a\x80"}) {
    const auto result = read(bad, head);
    CHECK(result.refusal == larder::http::Refusal::bad_target);
  }
  CHECK(read("/" + std::string(3000, 'a'), head).state == larder::http::GateResult::State::complete);
  std::string wide = "/";
  for (int i = 0; i < 2000; ++i) wide += "\xE4\xBA\xBA";
  CHECK(read(wide, head).refusal == larder::http::Refusal::target_too_long);
}

TEST_CASE("fields with an underscore in their names are removed unless the setting permits them") {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1\r\nX-B: 2\r\n\r\n";
  larder::http::RequestHead head;
  CHECK(larder::http::read_request(text, {}, head).state == larder::http::GateResult::State::complete);
  CHECK(head.fields.size() == 2);
  CHECK(head.dropped_field == "X_Forwarded_For");
  larder::http::Limits limits;
  limits.underscores = true;
  CHECK(larder::http::read_request(text, limits, head).state == larder::http::GateResult::State::complete);
  CHECK(head.fields.size() == 3);
  CHECK(head.dropped_field.empty());
}
