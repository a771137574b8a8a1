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

TEST_CASE("a client asks for less: order and duplicates make no difference") {
  struct Row {
    const char* what;
    const char* query;
    const char* expected;
  };
  const Row rows[] = {
      {"nothing asked", "limit=5", "fields="},
      {"an empty list", "fields=", "fields="},
      {"some", "fields=slug,id", "fields=id,slug,"},
      {"in another order, twice", "fields=id,slug,id", "fields=id,slug,"},
      {"over several parameters", "fields=slug&limit=5&fields=id", "fields=id,slug,"},
      {"escaped", "f%69elds=id%2Cslug", "fields=id,slug,"},
      {"with blanks", "fields=id,+slug", "fields=id,slug,"},
      {"all there are", "fields=slug,id,a.b,domain", "fields="},
      {"inside one", "fields=domain.slug,a.b.c", "fields=a.b.c,domain.slug,"},
      {"an unknown one", "fields=id,title",
       "fields: there is no 'title' here; there are id, slug, domain, a.b"},
      {"around one", "fields=a", "fields: there is no 'a' here; there are id, slug, domain, a.b"},
      {"a name that another begins with", "fields=slu",
       "fields: there is no 'slu' here; there are id, slug, domain, a.b"},
      {"no path", "fields=id..x", "fields: there is no 'id..x' here; there are id, slug, domain, a.b"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(asked(row.query) == row.expected);
  }
  CHECK(asked("fields=anything,b.c", {}) == "fields=anything,b.c,");
  CHECK(asked("fields=*", {}) == "fields: there is no '*' here");
  std::string many = "fields=";
  for (int i = 0; i < 65; ++i) many += "f" + std::to_string(i) + ",";
  CHECK(asked(many.c_str(), {}) == "fields: 64 names at the most");
}

TEST_CASE("upstream does not see the parameter") {
  CHECK(policy::query_without("fields=a&limit=5&f%69elds=b&x", "fields") == "limit=5&x");
  CHECK(policy::query_without("fields=a", "fields").empty());
  CHECK(policy::query_without("fields2=a", "fields") == "fields2=a");
}
