// A request's field lines, an empty line, a response's: the secondary key.
#include "policy/key.hpp"
#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto request = fuzz::take_fields(rest);
  const auto response = fuzz::take_fields(rest);
  static const settings::Route route;
  const auto key = policy::secondary_key(request, response, route, false);
  if (!key) return 0;
  fuzz::must(policy::matches(*key, request), "a response matches the request that it was the answer to");
  fuzz::must(policy::secondary_key(request, response, route, false)->size() == key->size(),
             "a key is the same twice");
  for (const auto& field : *key) {
    fuzz::must(policy::normalised_value(request, field.name) == field.value,
               "the key holds normalised values");
    // A quotation mark that is not closed makes more of a list when lines are joined.
    if (!field.value || field.value->find('"') != std::string::npos) continue;
    const http::Field normal{field.id, field.name, *field.value};
    fuzz::must(policy::normalised_value({&normal, 1}, field.name) == field.value,
               "normalising again changes nothing");
    // Without it, or with another value, it is another variant.
    std::vector<http::Field> without;
    for (const auto& line : request) {
      if (!http::has_name(line, field.name)) without.push_back(line);
    }
    fuzz::must(!policy::matches(*key, without), "a request without the field is another variant");
  }
  return 0;
}
