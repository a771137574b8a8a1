// A path, a query and a pattern, one a line.
#include "http/target.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto path = fuzz::take_line(rest);
  const auto query = fuzz::take_line(rest);
  const auto text = fuzz::take_line(rest);
  std::string scratch;
  const std::string normal(http::normalise_path(path, scratch));
  std::string again;
  fuzz::must(http::normalise_path(normal, again) == normal, "normalising again changes nothing");

  std::size_t pieces = 0;
  http::QueryPiece piece;
  for (auto left = query; http::next_query_piece(left, piece); ++pieces) {
    fuzz::must(pieces <= query.size(), "a query ends");
    fuzz::must(http::decode_query(http::encode_query(piece.name)) == piece.name,
               "what is encoded is decoded");
    (void)http::parse_bool(http::decode_query(piece.value));
  }
  std::string error;
  if (const auto pattern = http::PathPattern::parse(text, error)) {
    (void)pattern->matches(normal);
    fuzz::must(pattern->covers(*pattern), "a pattern covers itself");
    fuzz::must(!pattern->is_exact() || pattern->matches(pattern->text()), "an exact pattern matches itself");
  } else {
    fuzz::must(!error.empty(), "a refusal says why");
  }
  return 0;
}
