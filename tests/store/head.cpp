#include "store/head.hpp"

#include "../catch.hpp"

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
