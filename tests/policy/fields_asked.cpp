#include "policy/fields_asked.hpp"

#include "../catch.hpp"
#include "support.hpp"

using namespace larder;

namespace {

std::string asked(const char* query, std::vector<std::string> fields = {"id", "slug", "domain", "a.b"}) {
  auto route = test::ttl_route();
  route.fields = std::move(fields);
  route.fields_param = "fields";
  const auto result = policy::fields_asked(query, route);
  return result.problem.empty() ? result.name() : result.problem;
}

}  // namespace

TEST_CASE("fields_param selects fields; order and duplicates make no difference") {
  struct Row {
    const char* what;
    const char* query;
    const char* expected;
  };
  const Row rows[] = {
      {"no parameter", "limit=5", "fields="},
      {"an empty list", "fields=", "fields="},
      {"two fields", "fields=slug,id", "fields=id,slug,"},
      {"in another order, twice", "fields=id,slug,id", "fields=id,slug,"},
      {"over several parameters", "fields=slug&limit=5&fields=id", "fields=id,slug,"},
      {"escaped", "f%69elds=id%2Cslug", "fields=id,slug,"},
      {"with spaces", "fields=id,+slug", "fields=id,slug,"},
      {"all fields of the route", "fields=slug,id,a.b,domain", "fields="},
      {"inside a field of the route", "fields=domain.slug,a.b.c", "fields=a.b.c,domain.slug,"},
      {"an unknown field", "fields=id,title",
       "fields: unknown field 'title'; available: id, slug, domain, a.b"},
      {"the parent of a field of the route", "fields=a",
       "fields: unknown field 'a'; available: id, slug, domain, a.b"},
      {"a prefix of a field's name", "fields=slu",
       "fields: unknown field 'slu'; available: id, slug, domain, a.b"},
      {"not a path", "fields=id..x", "fields: unknown field 'id..x'; available: id, slug, domain, a.b"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(asked(row.query) == row.expected);
  }
  CHECK(asked("fields=anything,b.c", {}) == "fields=anything,b.c,");
  CHECK(asked("fields=*", {}) == "fields: unknown field '*'");
  std::string many = "fields=";
  for (int i = 0; i < 65; ++i) many += "f" + std::to_string(i) + ",";
  CHECK(asked(many.c_str(), {}) == "fields: at most 64 names are allowed");
}

TEST_CASE("the fields parameter is removed from the query sent to the API") {
  CHECK(policy::query_without("fields=a&limit=5&f%69elds=b&x", "fields") == "limit=5&x");
  CHECK(policy::query_without("fields=a", "fields").empty());
  CHECK(policy::query_without("fields2=a", "fields") == "fields2=a");
}
