#include "http/chunked.hpp"

#include "../catch.hpp"

using namespace larder::http;
using State = ChunkedReader::Step::State;

namespace {

struct Read {
  std::string body;
  std::string end = "more";  // or "done", or the refusal's name
  std::size_t consumed = 0;

  bool operator==(const Read&) const = default;
};

// Feeds the input in pieces of the given sizes; the last piece has the rest.
Read read(std::string_view input, std::initializer_list<std::size_t> cuts, const Limits& limits = {}) {
  ChunkedReader reader(limits);
  Read result;
  std::size_t from = 0;
  std::vector<std::size_t> ends(cuts);
  ends.push_back(input.size());
  for (const auto end : ends) {
    auto piece = input.substr(from, end - from);
    from = end;
    while (!piece.empty()) {
      const auto step = reader.feed(piece);
      result.body += step.data;
      result.consumed += step.consumed;
      piece.remove_prefix(step.consumed);
      if (step.state == State::refused) {
        result.end = name_of(*step.refusal);
        result.consumed = 0;
        return result;
      }
      if (step.state == State::done) {
        result.end = "done";
        return result;
      }
      REQUIRE(step.consumed > 0);
    }
  }
  return result;
}

struct Row {
  const char* rule;
  std::string input;
  const char* body;
  const char* end;
};

const Row rows[] = {
    {"RFC 9112 7.1", "5\r\nhello\r\n0\r\n\r\n", "hello", "done"},
    {"several chunks", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", "done"},
    {"an empty body", "0\r\n\r\n", "", "done"},
    {"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", "done"},
    {"lower and upper case digits", "aB\r\n" + std::string(0xab, 'x') + "\r\n0\r\n\r\n", nullptr, "done"},
    {"7.1.1: extensions are dropped", "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", "hello", "done"},
    {"7.1.2: trailers are dropped", "5\r\nhello\r\n0\r\nX-A: 1\r\nX-B:\r\n\r\n", "hello", "done"},
    {"bytes after the body", "0\r\n\r\nGET / HTTP/1.1", "", "done"},
    {"not yet", "5\r\nhel", "hel", "more"},
    {"no size", "\r\n", "", "bad_chunk"},
    {"no digit", "g\r\n", "", "bad_chunk"},
    {"a space before the size", " 5\r\nhello\r\n", "", "bad_chunk"},
    {"7.1.1: white space before an extension", "5 ;a=b\r\nhello\r\n0\t \t; x\r\n\r\n", "hello", "done"},
    {"a space after the size", "5 \r\nhello\r\n", "", "bad_chunk"},
    {"garbage after a space", "5 x\r\nhello\r\n", "", "bad_chunk"},
    {"a digit after a space", "5 5;a\r\nhello\r\n", "", "bad_chunk"},
    {"LF behind a blank", "5 \nhello\r\n", "", "bad_chunk"},
    {"white space before the size", " 5;a\r\nhello\r\n", "", "bad_chunk"},
    {"0x", "0x5\r\nhello\r\n", "", "bad_chunk"},
    {"a sign", "-5\r\nhello\r\n", "", "bad_chunk"},
    {"too many digits", "00000000000000005\r\nhello\r\n", "", "bad_chunk"},
    {"LF alone behind the size", "5\nhello\r\n", "", "bad_chunk"},
    {"CR alone behind the size", "5\rhello\r\n", "", "bare_cr"},
    {"more data than the size says", "5\r\nhello!\r\n", "hello", "bad_chunk"},
    {"LF alone behind the data", "5\r\nhello\n0\r\n\r\n", "hello", "bad_chunk"},
    {"NUL in an extension", std::string("5;\0\r\nhello\r\n", 12), "", "bad_chunk"},
    {"LF in an extension", "5;a\nb\r\nhello\r\n", "", "bad_chunk"},
    {"framing in the trailers", "0\r\nContent-Length: 5\r\n\r\n", "", "framing_in_trailer"},
    {"framing in the trailers, in capitals", "0\r\nTRANSFER-ENCODING: chunked\r\n\r\n", "",
     "framing_in_trailer"},
    {"a folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", "", "folded_line"},
    {"a trailer without a name", "0\r\n: 1\r\n\r\n", "", "bad_field_name"},
    {"a trailer with a space before the colon", "0\r\nX : 1\r\n\r\n", "", "space_before_colon"},
    {"a trailer line that ends with LF", "0\r\nX: 1\n\r\n", "", "bare_lf"},
    {"CR without LF at the end", "0\r\n\rX", "", "bare_cr"},
};

}  // namespace

TEST_CASE("chunks are parsed strictly, with the same result for every split of the input") {
  for (const auto& row : rows) {
    INFO(row.rule);
    const auto whole = read(row.input, {});
    CHECK(whole.end == row.end);
    if (row.body != nullptr) CHECK(whole.body == row.body);
    for (std::size_t cut = 0; cut <= row.input.size(); ++cut) {
      REQUIRE(read(row.input, {cut}) == whole);
      for (std::size_t second = cut; second <= std::min(cut + 3, row.input.size()); ++second) {
        REQUIRE(read(row.input, {cut, second}) == whole);
      }
    }
  }
}

TEST_CASE("bytes after the body are not consumed") {
  const std::string input = "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
  CHECK(read(input, {}).consumed == input.find("GET"));
}

TEST_CASE("extensions and trailers are limited") {
  Limits limits;
  limits.chunk_extension = 10;
  limits.trailers = 20;
  CHECK(read("1;123456789\r\nx\r\n0\r\n\r\n", {}, limits).end == "done");
  CHECK(read("1;12345678901\r\nx\r\n0\r\n\r\n", {}, limits).end == "chunk_extension_too_long");
  CHECK(read("1          ;\r\nx\r\n0\r\n\r\n", {}, limits).end == "done");
  CHECK(read("1           ;\r\nx\r\n0\r\n\r\n", {}, limits).end == "chunk_extension_too_long");
  CHECK(read("1     ;123456\r\nx\r\n0\r\n\r\n", {}, limits).end == "chunk_extension_too_long");
  CHECK(read("0\r\nX: 123456789012345678\r\n\r\n", {}, limits).end == "trailer_too_large");
  // The limit applies to each chunk separately.
  CHECK(read("1;12345\r\nx\r\n1;12345\r\nx\r\n1;12345\r\nx\r\n0\r\n\r\n", {}, limits).end == "done");
}
