// Input: two lines, a list of entity tags and the current tag.
#include "http/etag.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto list = fuzz::take_line(rest);
  const auto current = fuzz::take_line(rest);
  const std::vector<http::Field> none{{http::FieldId::if_none_match, "If-None-Match", list}};
  const std::vector<http::Field> match{{http::FieldId::if_match, "If-Match", list}};
  const bool weakly = http::none_match_names(none, current);
  const bool strongly = http::match_names(match, current);
  fuzz::must(!strongly || weakly, "what matches strongly matches weakly");
  const auto tag = http::parse_entity_tag(current);
  if (tag) {
    fuzz::must(http::weak_match(*tag, *tag), "a tag matches itself");
    fuzz::must(http::strong_match(*tag, *tag) == !tag->weak, "a strong one strongly");
    const std::vector<http::Field> itself{{http::FieldId::if_none_match, "If-None-Match", current}};
    fuzz::must(http::none_match_names(itself, current), "a list of it names it");
    const auto longer = std::string(current) + " , " + std::string(list);
    const http::Field none_of{http::FieldId::if_none_match, "If-None-Match", longer};
    const http::Field match_of{http::FieldId::if_match, "If-Match", longer};
    fuzz::must(http::none_match_names({&none_of, 1}, current), "and so does a longer one");
    fuzz::must(http::match_names({&match_of, 1}, current) == !tag->weak || http::trim(list) == "*",
               "strongly where it is strong");
  }
  return 0;
}
