#include "support.hpp"

using namespace larder;
using projection::ProjectionRule;
using test::Fields;

namespace {

std::string error_of(const Fields& fields, std::string_view items = {}) {
  std::string error;
  return ProjectionRule::compile(fields, items, error) ? "" : error;
}

}  // namespace

TEST_CASE("a field is a name, or names joined by dots") {
  for (const auto* field :
       {"id", "domain_slug", "domain.slug", "a.b.c.d", "with space", "größe", "x-y", "0"}) {
    INFO(field);
    CHECK(error_of({field}) == "");
  }
  for (const auto* field : {"", ".", ".id", "id.", "a..b", "*", "tasks.*", "a*", "*.id"}) {
    INFO(field);
    const auto error = error_of({"fine", field});
    CHECK(error.find("'" + std::string(field) + "'") != std::string::npos);
  }
}

TEST_CASE("items is the path to a list, or ends with a star for the members of an object") {
  for (const auto* items : {"", "data", "a.b", "workstreams.*", "a.b.*"}) {
    INFO(items);
    CHECK(error_of({"id"}, items) == "");
  }
  for (const auto* items : {".", ".data", "data.", "a..b", "*", "*.data", "a.*.b", "a.*.*", "a.b*", "a*"}) {
    INFO(items);
    const auto error = error_of({"id"}, items);
    CHECK(error.find("'" + std::string(items) + "'") != std::string::npos);
  }
}

TEST_CASE("copies of a rule share its tree") {
  auto rule = test::rule({"id"});
  const auto copy = rule;
  CHECK(&copy.root() == &rule.root());
  const auto moved = std::move(rule);
  CHECK(&copy.root() == &moved.root());
}
