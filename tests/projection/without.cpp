#include "../catch.hpp"
#include "projection/entity_tag.hpp"
#include "projection/projector.hpp"

#include <string>
#include <vector>

using namespace larder::projection;

namespace {

std::string left(const std::vector<std::string>& members, const std::string& json) {
  std::string error;
  const auto rule = ProjectionRule::compile_without(members, error);
  REQUIRE(rule);
  Workspace workspace;
  std::string out;
  if (const auto failed = project(json, *rule, {}, workspace, out))
    return std::string("error: ") + std::string(describe(*failed));
  return out;
}

struct Row {
  const char* what;
  std::vector<std::string> members;
  const char* json;
  const char* expected;
};

const Row rows[] = {
    {"a member goes", {"at"}, R"({"a":1,"at":"now","b":2})", R"({"a":1,"b":2})"},
    {"the first one", {"at"}, R"({"at":"now","b":2})", R"({"b":2})"},
    {"the last one", {"at"}, R"({"b":2,"at":[1,{"at":2}]})", R"({"b":2})"},
    {"the only one", {"at"}, R"({"at":"now"})", R"({})"},
    {"none of that name", {"at"}, R"({"a":{"at":1}})", R"({"a":{"at":1}})"},
    {"several", {"a", "c"}, R"({"a":1,"b":2,"c":3})", R"({"b":2})"},
    {"inside", {"meta.at"}, R"({"meta":{"at":1,"n":2},"at":3})", R"({"meta":{"n":2},"at":3})"},
    {"inside something that is no object", {"meta.at"}, R"({"meta":5})", R"({"meta":5})"},
    {"through lists", {"at"}, R"([{"at":1,"id":1},{"id":2,"at":2},7,"x"])", R"([{"id":1},{"id":2},7,"x"])"},
    {"through lists in lists", {"a.at"}, R"({"a":[[{"at":1}],{"at":2,"b":3}]})", R"({"a":[[{}],{"b":3}]})"},
    {"twice the same name", {"at"}, R"({"at":1,"a":2,"at":3})", R"({"a":2})"},
    {"an escaped name", {"at"}, R"({"\u0061t":1,"a":2})", R"({"a":2})"},
    {"white space goes with what stands beside it",
     {"at"},
     "{ \"a\" : 1 , \"at\" : 2 , \"b\" : 3 }",
     R"({"a":1,"b":3})"},
    {"malformed where it is dropped", {"at"}, R"({"at":01,"a":2})", "error: it is not well-formed JSON"},
    {"malformed elsewhere", {"at"}, R"({"at":1,"a":2,})", "error: it is not well-formed JSON"},
};

}  // namespace

TEST_CASE("everything but the named members is kept") {
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(left(row.members, row.json) == row.expected);
  }
}

TEST_CASE("an invalid path is refused with a message") {
  for (const char* path : {"", "a..b", ".a", "a.", "a.*"}) {
    INFO(path);
    std::string error;
    CHECK_FALSE(ProjectionRule::compile_without({path}, error));
    CHECK_FALSE(error.empty());
  }
}

TEST_CASE("a tag without ignored members is weak, and equal if only those differ") {
  const auto tag = [](const std::string& json) { return make_weak_entity_tag(left({"at"}, json)); };
  CHECK(tag(R"({"a":1,"at":1})") == tag(R"({"a":1,"at":2})"));
  CHECK(tag(R"({"a":1,"at":1})") != tag(R"({"a":2,"at":1})"));
  CHECK(tag(R"({"a":1})").substr(0, 3) == "W/\"");
}
