#include "http/coding.hpp"

#include "../catch.hpp"

#include <string>
#include <vector>

using namespace larder::http;

namespace {

std::string chosen(const std::vector<std::string>& lines,
                   std::vector<Coding> offered = {Coding::zstd, Coding::br, Coding::gzip}) {
  std::vector<Field> fields;
  for (const auto& line : lines) fields.push_back({FieldId::accept_encoding, "Accept-Encoding", line});
  const auto coding = choose_coding(fields, offered);
  return coding ? std::string(name_of(*coding)) : "identity";
}

}  // namespace

TEST_CASE("a coding is chosen by the request's weights, then the server's order (RFC 9110 12.5.3)") {
  struct Row {
    const char* rule;
    std::vector<std::string> lines;
    const char* expected;
  };
  const Row rows[] = {
      {"no Accept-Encoding: nothing is coded", {}, "identity"},
      {"an empty one: nothing is", {""}, "identity"},
      {"one", {"gzip"}, "gzip"},
      {"several: the server's order", {"gzip, br, zstd"}, "zstd"},
      {"over several lines", {"gzip", "br"}, "br"},
      {"the weights come first", {"gzip;q=1.0, br;q=0.5"}, "gzip"},
      {"fine ones", {"gzip;q=0.501, br;q=0.5"}, "gzip"},
      {"excluded", {"gzip, br;q=0"}, "gzip"},
      {"all excluded", {"gzip;q=0, br;q=0.000"}, "identity"},
      {"anything", {"*"}, "zstd"},
      {"anything else", {"gzip;q=0.5, *;q=0.1"}, "gzip"},
      {"nothing else", {"gzip;q=0.5, *;q=0"}, "gzip"},
      {"everything but one", {"*, zstd;q=0"}, "br"},
      {"identity preferred", {"gzip;q=0.5, identity"}, "identity"},
      {"identity as good", {"gzip, identity"}, "gzip"},
      {"identity excluded", {"gzip, identity;q=0"}, "gzip"},
      {"nothing acceptable: identity all the same", {"compress, identity;q=0"}, "identity"},
      {"an unknown one", {"deflate, compress"}, "identity"},
      {"in any case, with the old name", {"X-GZIP"}, "gzip"},
      {"white space", {" gzip ; Q=0.2 , br ; q=0.1"}, "gzip"},
      {"a weight that is none is 0", {"gzip;q=x, br;q=2, zstd;q=1.001"}, "identity"},
      {"other parameters", {"gzip;a=b;q=0, br;x"}, "br"},
  };
  for (const auto& row : rows) {
    INFO(row.rule);
    CHECK(chosen(row.lines) == row.expected);
  }
  CHECK(chosen({"br, gzip"}, {Coding::gzip}) == "gzip");
  CHECK(chosen({"br, gzip"}, {}) == "identity");
}

TEST_CASE("identity in Content-Encoding is not a coding (RFC 9110 8.4.1)") {
  struct Row {
    std::vector<std::string> lines;
    bool coded;
    std::optional<Coding> only;
  };
  const Row rows[] = {
      {{}, false, {}},
      {{"identity"}, false, {}},
      {{"Identity, identity"}, false, {}},
      {{""}, false, {}},
      {{"gzip"}, true, Coding::gzip},
      {{"gzip, identity"}, true, Coding::gzip},
      {{"identity", " br"}, true, Coding::br},
      {{"x-gzip,"}, true, Coding::gzip},
      {{"gzip, br"}, true, {}},
      {{"gzip", "gzip"}, true, {}},
      {{"deflate"}, true, {}},
  };
  for (const auto& row : rows) {
    std::vector<Field> fields{{FieldId::content_type, "Content-Type", "gzip"}};
    for (const auto& line : row.lines)
      fields.push_back({FieldId::content_encoding, "Content-Encoding", line});
    CAPTURE(row.lines);
    CHECK(is_coded(fields) == row.coded);
    CHECK(only_coding(fields) == row.only);
  }
}

TEST_CASE("media types that are compressed") {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "text/html",
                           "application/problem+json", "image/svg+xml", "application/javascript"}) {
    INFO(type);
    CHECK(is_compressible(type));
  }
  for (const char* type :
       {"image/png", "application/octet-stream", "application/zip", "video/mp4", "", "text", "json"}) {
    INFO(type);
    CHECK_FALSE(is_compressible(type));
  }
}
