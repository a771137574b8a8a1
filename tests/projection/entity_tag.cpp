#include "projection/entity_tag.hpp"

#include "support.hpp"

using larder::projection::make_entity_tag;

TEST_CASE("an entity tag is XXH3-128 in canonical byte order") {
  CHECK(make_entity_tag("") == "\"99aa06d3014798d86001c324468d497f\"");
  CHECK(make_entity_tag("a") == "\"a96faf705af16834e6c632b61e964e1f\"");
}

TEST_CASE("equal bytes have equal tags, and different bytes have different tags") {
  const std::string body = R"([{"id":1}])";
  CHECK(make_entity_tag(body) == make_entity_tag(std::string(body)));
  CHECK(make_entity_tag(body) != make_entity_tag(R"([{"id":2}])"));
  CHECK(make_entity_tag(body) != make_entity_tag(body + " "));
  CHECK(make_entity_tag(std::string(1, '\0')) != make_entity_tag(""));
}

TEST_CASE("an entity tag is strong and has 32 digits") {
  for (const std::size_t size : {0u, 1u, 3u, 16u, 17u, 128u, 129u, 240u, 241u, 1000u, 100'000u}) {
    const auto tag = make_entity_tag(std::string(size, 'x'));
    CHECK(tag.size() == 34);
    CHECK(tag.front() == '"');
    CHECK(tag.back() == '"');
    CHECK(tag.find_first_not_of("0123456789abcdef", 1) == 33);
  }
}
