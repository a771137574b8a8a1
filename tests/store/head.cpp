#include "store/head.hpp"

#include "../catch.hpp"
#include "store/interim.hpp"

using namespace larder;
using http::FieldId;

TEST_CASE("a head is sent as text and read by its lines") {
  store::HeadBuilder builder(200, "OK", true);
  builder.add({FieldId::content_type, "Content-Type", "application/json"}, false, false);
  builder.add({FieldId::unknown, "X-Empty", ""}, false, true);
  builder.add({FieldId::etag, "ETag", "\"a: b\""}, true, true);
  std::string head;
  std::string head_304;
  store::HeadLines lines;
  builder.finish(head, head_304, lines);
  CHECK(head == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Empty: \r\nETag: \"a: b\"\r\n");
  CHECK(head_304 == "HTTP/1.1 304 Not Modified\r\nX-Empty: \r\nETag: \"a: b\"\r\n");
  CHECK(lines.fit(head));
  CHECK_FALSE(lines.fit(head_304));

  const store::HeadView view(head, lines);
  CHECK(view.status() == 200);
  CHECK(view.reason() == "OK");
  std::vector<store::HeadView::Line> read;
  for (const auto& line : view) read.push_back(line);
  REQUIRE(read.size() == 3);
  CHECK(read[0].field.id == FieldId::content_type);
  CHECK(read[0].field.name == "Content-Type");
  CHECK(read[0].field.value == "application/json");
  CHECK_FALSE(read[0].is_own);
  CHECK_FALSE(read[0].in_304);
  CHECK(read[1].field.name == "X-Empty");
  CHECK(read[1].field.value.empty());
  CHECK(read[1].in_304);
  CHECK(read[2].field.value == "\"a: b\"");
  CHECK(read[2].is_own);
}

TEST_CASE("a head may have neither a reason nor fields, nor a 304 in its place") {
  store::HeadBuilder builder(404, "", false);
  std::string head;
  std::string head_304 = "something";
  store::HeadLines lines;
  builder.finish(head, head_304, lines);
  CHECK(head == "HTTP/1.1 404 \r\n");
  CHECK(head_304.empty());
  const store::HeadView view(head, lines);
  CHECK(view.status() == 404);
  CHECK(view.reason().empty());
  CHECK(view.begin() == view.end());
}

TEST_CASE("an interim response is forwarded without hop-by-hop fields and Content-Length") {
  http::ResponseHead head;
  const std::string bytes =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\nConnection: close, "
      "X-Hop\r\n"
      "X-Hop: 1\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nlink: </b>\r\nUpgrade: x\r\n\r\n";
  // Both framing fields together would be refused; each alone is not.
  for (const std::string without : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    auto one = bytes;
    one.erase(one.find(without), without.size());
    REQUIRE(http::read_response(one, {}, http::Method::get, head).state == http::GateResult::State::complete);
    CHECK(store::make_interim_head(head).text ==
          "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n");
  }
}
