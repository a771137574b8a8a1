// Input: a path, a query and a pattern, one per line.
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
  std::string joined;
  http::QueryPiece piece;
  for (auto left = query; http::next_query_piece(left, piece); ++pieces) {
    fuzz::must(pieces <= query.size(), "a query ends");
    joined.append(pieces == 0 ? "" : "&").append(piece.raw);
    fuzz::must(http::decode_query(http::encode_query(piece.name)) == piece.name,
               "what is encoded is decoded");
    (void)http::parse_bool(http::decode_query(piece.value));
  }
  fuzz::must(joined == query, "the pieces of a query joined are the query");
  std::string error;
  if (const auto pattern = http::PathPattern::parse(text, error)) {
    fuzz::must(pattern->covers(*pattern), "a pattern covers itself");
    // A path with a malformed escape is compared as it was sent, but the segments of a pattern are normalised
    // one by one.
    std::string longer;
    const bool is_sound = http::normalise_path(normal + "%41", longer) == normal + "A";
    std::string why;
    const auto exact = http::PathPattern::parse(normal, why);
    if (is_sound && exact && exact->is_exact()) {
      fuzz::must(exact->matches(normal), "a path, as a pattern, matches itself");
      fuzz::must(pattern->covers(*exact) == pattern->matches(normal),
                 "a pattern covers exactly the paths that it matches");
    } else {
      (void)pattern->matches(normal);
    }
    fuzz::must(!pattern->is_exact() || pattern->matches(pattern->text()), "an exact pattern matches itself");
  } else {
    fuzz::must(!error.empty(), "a refusal says why");
  }
  return 0;
}
