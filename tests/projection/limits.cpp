#include "support.hpp"

#include <malloc.h>

using namespace larder;
using projection::ProjectionError;
using projection::ProjectionLimits;

namespace {

std::string nested(std::size_t depth, std::string_view opening, std::string_view closing) {
  std::string json;
  for (std::size_t i = 0; i < depth; ++i) json += opening;
  json += opening.back() == ':' ? "1" : "";
  for (std::size_t i = 0; i < depth; ++i) json += closing;
  return json;
}

std::optional<ProjectionError> error_of(std::string_view json, const test::Fields& fields,
                                        std::size_t depth) {
  return test::project(json, test::rule(fields), ProjectionLimits{depth, 1u << 20}).error;
}

}  // namespace

TEST_CASE("the limit on nesting is exact") {
  for (const std::size_t depth : {2u, 3u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u}) {
    INFO(depth);
    // Containers are counted in what is dropped, kept as a whole, and on the way to what is kept.
    const auto inside = nested(depth - 1, "[", "]");
    for (const auto& json : {"{\"x\":" + inside + "}", "{\"id\":" + inside + "}", "{\"a\":" + inside + "}"}) {
      CHECK(error_of(json, {"id", "a.b"}, depth) != ProjectionError::too_deep);
      CHECK(error_of(json, {"id", "a.b"}, depth - 1) == ProjectionError::too_deep);
    }
    const auto objects = nested(depth, "{\"a\":", "}");
    CHECK_FALSE(error_of(objects, {"a"}, depth));
    CHECK_FALSE(error_of(objects, {"a.a.a.a.a"}, depth));
    CHECK(error_of(objects, {"a"}, depth - 1) == ProjectionError::too_deep);
    CHECK(error_of(objects, {"b"}, depth - 1) == ProjectionError::too_deep);
  }
  CHECK(error_of("[]", {"id"}, 0) == ProjectionError::too_deep);
  CHECK(error_of("1", {"id"}, 0) == ProjectionError::wrong_shape);
}

TEST_CASE("sibling containers do not count as nesting") {
  std::string json = "[";
  for (int i = 0; i < 1000; ++i) json += "{\"a\":[],\"b\":{\"c\":[{}]}},";
  json.back() = ']';
  CHECK_FALSE(error_of(json, {"b"}, 5));
  CHECK(error_of(json, {"b"}, 4) == ProjectionError::too_deep);
}

TEST_CASE("a million brackets are refused by the limit or as malformed") {
  const auto rule = test::rule({"id", "a.b"});
  const ProjectionLimits deep{std::size_t{1} << 21, std::size_t{1} << 24};
  for (const auto* start : {"[{\"x\":", "[{\"id\":", "[{\"a\":"}) {
    const auto json = start + std::string(1'000'000, '[');
    CHECK(test::project(json, rule, {}).error ==
          ProjectionError::not_json);  // it does not end with a closing bracket
    const auto closed = json + std::string(1'000'000, ']') + "}]";
    CHECK(test::project(closed, rule, {}).error == ProjectionError::too_deep);
    const auto error = test::project(closed, rule, deep).error;
    CHECK((!error || error == ProjectionError::nothing_kept));
    CHECK(test::project(json + "}]", rule, deep).error == ProjectionError::not_json);
  }
}

TEST_CASE("a document larger than the limit is refused") {
  const auto rule = test::rule({"id"});
  const std::string json = R"([{"id":1}])";
  CHECK_FALSE(test::project(json, rule, {64, json.size()}).error);
  CHECK(test::project(json, rule, {64, json.size() - 1}).error == ProjectionError::too_large);
  CHECK(test::project("not json", rule, {64, 7}).error == ProjectionError::too_large);
  CHECK(test::project("", rule, {64, 0}).error == ProjectionError::not_json);
}

TEST_CASE("the output does not occupy much more memory than its size") {
  std::string json = "[";
  for (int i = 0; i < 60'000; ++i) json += "{\"id\":" + std::to_string(i) + ",\"x\":0},";
  // The rest differs from the start, so the estimated size is too small or far too large.
  const auto rule = test::rule({"id"});
  const auto many = json + "{\"id\":[" + std::string(500'000, ' ') + "]}]";
  const auto none = json + "{\"x\":\"" + std::string(5'000'000, '.') + "\"}]";
  for (const auto& document : {many, none}) {
    const auto result = test::project(document, rule);
    CHECK_FALSE(result.error);
    CHECK(result.out.capacity() <= result.out.size() + result.out.size() / 8);
  }
}

TEST_CASE("a workspace frees the memory that a large document needed") {
  const auto in_use = [] {
    const auto memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
  };
  projection::Workspace workspace;
  const auto rule = test::rule({"id"});
  test::project("[]", rule, {}, &workspace);
  const auto before = in_use();
  test::project("[{\"x\":\"" + std::string(16u << 20, 'x') + "\"}]", rule, {}, &workspace);
  test::project("[{\"x\":" + std::string(16u << 20, '['), rule, {std::size_t{1} << 30, 1u << 30}, &workspace);
  CHECK(in_use() < before + (8u << 20));
}

TEST_CASE("each error has a description") {
  for (const auto error : {ProjectionError::not_json, ProjectionError::wrong_shape, ProjectionError::too_deep,
                           ProjectionError::too_large}) {
    CHECK_FALSE(describe(error).empty());
  }
}

TEST_CASE("the limit on members applies in every position") {
  const auto rule = test::rule({"id"});
  const auto list = [](int count) {
    std::string json = "[";
    for (int i = 0; i < count; ++i) json += "{\"id\":1,\"fat\":[1,2]},";
    json.back() = ']';
    return json;
  };
  ProjectionLimits limits;
  limits.members = 1000;
  CHECK_FALSE(test::project(list(200), rule, limits).error);
  CHECK(test::project(list(2000), rule, limits).error == ProjectionError::too_large);
  limits.members = 1'000'000;
  CHECK_FALSE(test::project(list(2000), rule, limits).error);
}
