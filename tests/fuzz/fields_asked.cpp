// Selects fields by a query, on a route that names its fields and on one that does not.
#include "policy/fields_asked.hpp"

#include "http/target.hpp"
#include "projection/projector.hpp"
#include "support.hpp"

#include <algorithm>

using namespace larder;

namespace {

settings::Route route_of(std::vector<std::string> fields) {
  settings::Route route;
  route.fields = std::move(fields);
  route.fields_param = "fields";
  return route;
}

void check(std::string_view query, const settings::Route& route) {
  const auto asked = policy::fields_asked(query, route);
  if (!asked.problem.empty()) return;
  const auto& names = asked.fields;
  fuzz::must(names.size() <= policy::max_fields_asked, "names are bounded");
  fuzz::must(std::is_sorted(names.begin(), names.end()) &&
                 std::adjacent_find(names.begin(), names.end()) == names.end(),
             "names are sorted, each once");
  std::string error;
  fuzz::must(names.empty() || projection::ProjectionRule::compile(names, "", error).has_value(),
             "what may be asked for can be cut");
  // Reversed and with duplicates, the selection is the same.
  std::string again = "x=1";
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const auto coded = http::encode_query(*name);
    again.append("&fields=").append(coded).append("%2C+").append(coded);
  }
  const auto same = policy::fields_asked(again, route);
  fuzz::must(same.problem.empty() && same.fields == names && same.name() == asked.name(),
             "order and duplicates make no difference");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto query = fuzz::text_of(data, size);
  static const auto some = route_of({"slug", "id", "a.b"});
  static const auto any = route_of({});
  check(query, some);
  check(query, any);

  const auto left = policy::query_without(query, "fields");
  fuzz::must(left.size() <= query.size(), "a query does not grow");
  fuzz::must(policy::query_without(left, "fields") == left, "taking it out again changes nothing");
  const auto nothing = policy::fields_asked(left, any);
  fuzz::must(nothing.fields.empty() && nothing.problem.empty(), "upstream is not asked for less");
  return 0;
}
