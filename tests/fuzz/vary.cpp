// Input: a request's field lines, an empty line, and a response's: computes the secondary key.
#include "policy/key.hpp"
#include "support.hpp"

using namespace larder;

namespace {

// The same lists in another notation: one element per line, with white space around it.
std::vector<http::Field> rewritten(const std::vector<http::Field>& fields) {
  std::vector<http::Field> out;
  for (const auto& line : fields) {
    auto piece = line;
    bool any = false;
    for (auto rest = line.value; http::next_element(rest, piece.value); any = true) out.push_back(piece);
    if (!any) out.push_back(line);
  }
  return out;
}

const settings::Settings settings_by_default;
const policy::KeyedHash hash({1});

policy::RequestFacts facts_of(const std::vector<http::Field>& fields) {
  http::RequestHead head;
  head.method = http::Method::get;
  head.method_name = "GET";
  head.path = "/";
  head.fields = fields;
  auto facts = policy::facts_of(head, {settings_by_default, hash});
  facts.fields = fields;  // `head.fields` ends with this function
  return facts;
}

void check(const std::vector<http::Field>& request_fields, const std::vector<http::Field>& response,
           const settings::Route& route, bool asks_identity) {
  using Kind = policy::VaryField::Kind;
  const auto request = facts_of(request_fields);
  const auto key = policy::secondary_key(request, response, route, asks_identity);
  if (!key) return;
  fuzz::must(policy::matches(*key, request), "a response matches the request that it was the answer to");
  const auto again_fields = rewritten(request_fields);
  const auto again = facts_of(again_fields);
  // X-Forwarded-Host is compared as text, so another notation of a list is another value.
  if (!request.forwarded.empty()) return;
  fuzz::must(policy::matches(*key, again), "the same request matches in another notation");
  const auto other = policy::secondary_key(again, response, route, asks_identity);
  fuzz::must(other && other->size() == key->size(), "whose key has the same names");
  for (std::size_t i = 0; i < key->size(); ++i)
    fuzz::must((*other)[i].name == (*key)[i].name && (*other)[i].value == (*key)[i].value, "and values");
  for (std::size_t i = 0; i < key->size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) fuzz::must((*key)[i].name != (*key)[j].name, "a name comes once");
  }
  for (const auto& field : *key) {
    fuzz::must(policy::key_value(field, request) == field.value, "the key holds normalised values");
    if (field.kind != Kind::plain && field.kind != Kind::encodings) continue;
    // An unterminated quote extends over further elements when lines are joined.
    if (!field.value || field.value->find('"') != std::string::npos) continue;
    const http::Field normal{field.id, field.name, *field.value};
    fuzz::must(policy::normalised_value({&normal, 1}, field.name) == field.value,
               "normalising again changes nothing");
    // Without the field, or with another value, the request has another variant.
    std::vector<http::Field> without;
    for (const auto& line : request_fields) {
      if (!http::has_name(line, field.name)) without.push_back(line);
    }
    fuzz::must(!policy::matches(*key, facts_of(without)), "a request without the field is another variant");
    auto another = request_fields;
    another.push_back({field.id, field.name, "another"});
    fuzz::must(!policy::matches(*key, facts_of(another)), "and so is one with another value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto request = fuzz::take_fields(rest);
  const auto response = fuzz::take_fields(rest);
  static const settings::Route plain;
  static const settings::Route keyed = [] {
    settings::Route route;
    route.key.headers = {"x-a", "accept-language"};
    return route;
  }();
  for (const auto* route : {&plain, &keyed}) {
    for (const bool asks_identity : {false, true}) check(request, response, *route, asks_identity);
  }
  return 0;
}
