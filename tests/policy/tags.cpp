#include "policy/tags.hpp"

#include "../catch.hpp"

using namespace larder;

TEST_CASE("tags that larder made become the API's") {
  policy::TagTranslation tags;
  tags.add("\"v7\"", "\"v7\"");
  tags.add("\"digest\"", "\"v8\"");
  tags.add("W/\"list\"", "W/\"v9\"");
  tags.add("\"apache-gzip\"", "\"apache-gzip\"");
  tags.add("\"ours\"", "");
  struct Row {
    const char* value;
    const char* translated;
  };
  const auto row = GENERATE(values<Row>({
      {"\"v7\"", "\"v7\""},
      {"\"v7-gzip\"", "\"v7\""},
      {"\"v7-br\"", "\"v7\""},
      {"W/\"v7-zstd\"", "W/\"v7\""},
      {"\"unknown-gzip\"", "\"unknown\""},
      {"\"apache-gzip\"", "\"apache-gzip\""},
      {"\"apache-gzip-br\"", "\"apache-gzip\""},
      {"\"digest\"", "\"v8\""},
      {"\"digest-gzip\"", "\"v8\""},
      {"W/\"list\"", "W/\"v9\""},
      {"\"ours\"", "\"ours\""},
      {"\"a\", \"v7-gzip\",\"digest\"", "\"a\", \"v7\", \"v8\""},
      {"*", "*"},
      {"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
      {"not a tag", "not a tag"},
      {"\"-gzip\"", "\"\""},
  }));
  CAPTURE(row.value);
  CHECK(tags.translate(row.value) == row.translated);
}

TEST_CASE("a 304 confirms the tag that the client sent") {
  policy::TagTranslation tags;
  tags.add("\"digest\"", "\"v8\"");
  struct Row {
    const char* sent;
    const char* original;
    const char* confirmed;
  };
  const auto row = GENERATE(values<Row>({
      {"\"v7-gzip\"", "\"v7\"", "\"v7-gzip\""},
      {"\"v7-gzip-5e78\"", "\"v7\"", "\"v7-gzip-5e78\""},
      {"W/\"v7-gzip\"", "W/\"v7\"", "W/\"v7-gzip\""},
      {"\"a\", \"v7-br\", \"v7-gzip\"", "\"v7\"", "\"v7-br\""},
      {"\"v7-gzip\", \"v7\"", "\"v7\"", ""},
      {"\"digest-gzip\"", "\"v8\"", "\"digest-gzip\""},
      {"\"v7-gzip\"", "\"v8\"", ""},
      {"*", "\"v7\"", ""},
      {"\"v7-gzip\"", "no tag", ""},
  }));
  CAPTURE(row.sent, row.original);
  CHECK(tags.confirmed(row.sent, row.original) == row.confirmed);
}
