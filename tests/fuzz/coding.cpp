// Parses field lines as a request's Accept-Encoding, and the first of them as a media type.
#include "http/coding.hpp"

#include "support.hpp"

#include <algorithm>

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  auto fields = fuzz::take_fields(rest);
  if (!fields.empty()) {
    const auto type = fields.front().value;
    const auto bare = type.substr(0, type.find(';'));
    fuzz::must(http::is_compressible(type) == http::is_compressible(bare),
               "a media type's parameters are of no interest");
  }

  constexpr http::Coding all[] = {http::Coding::br, http::Coding::zstd, http::Coding::gzip};
  const auto chosen = http::choose_coding(fields, all);
  fuzz::must(!http::choose_coding(fields, {}), "what is not offered is not chosen");
  for (const auto& coding : all) {
    fuzz::must(http::coding_named(http::name_of(coding)) == coding, "a coding has its name");
    const auto alone = http::choose_coding(fields, {&coding, 1});
    fuzz::must(!alone || *alone == coding, "only what is offered is chosen");
    if (!chosen) fuzz::must(!alone, "what is not chosen among several is not chosen alone");
    if (chosen == coding) fuzz::must(alone.has_value(), "what is chosen among several is chosen alone");
  }
  if (std::none_of(fields.begin(), fields.end(),
                   [](const auto& line) { return line.id == http::FieldId::accept_encoding; })) {
    fuzz::must(!chosen, "without Accept-Encoding nothing is coded");
  }
  // An unterminated element extends only to the end of its line.
  fields.push_back({http::FieldId::accept_encoding, "Accept-Encoding", "br;q=0, zstd;q=0, GZIP;q=0.000"});
  fuzz::must(!http::choose_coding(fields, all), "a refused coding is not chosen");
  return 0;
}
