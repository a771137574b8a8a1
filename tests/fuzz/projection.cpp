// libFuzzer: any bytes as a document, under a rule that the first byte chooses.
//
//   clang++ -g -O1 -std=c++20 -fsanitize=fuzzer,address,undefined -Iproxy tests/fuzz/projection.cpp \
//     proxy/projection/{grammar,projector,reader,rule,structure}.cpp -lsimdjson -o /tmp/projection
//   /tmp/projection -max_len=4096 -max_total_time=60 tests/fuzz/corpus/projection
#include "projection/projector.hpp"

#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace larder::projection;

struct Result {
  std::optional<ProjectionError> error;
  std::string out;
  bool operator==(const Result&) const = default;
};

ProjectionRule rule_of(const std::vector<std::string>& fields, std::string_view items) {
  std::string error;
  auto rule = ProjectionRule::compile(fields, items, error);
  if (!rule) std::abort();
  return *rule;
}

const std::vector<ProjectionRule>& rules() {
  static const std::vector<ProjectionRule> all{
      rule_of({"id", "a.b"}, ""), rule_of({"id", "a"}, "d"),        rule_of({"id", "a.b.c", "a.d"}, "d.*"),
      rule_of({"id"}, "a.b"),     rule_of({"a\\b", "\n", "é"}, ""),
  };
  return all;
}

Result project_with(const ProjectionRule& rule, std::string_view json) {
  static Workspace workspace;
  Result result;
  result.error = project(json, rule, {}, workspace, result.out);
  return result;
}

void require(bool good) {
  if (!good) std::abort();
}

// simdjson's DOM parser and the projector must agree on what is JSON, except for what the DOM parser refuses
// beyond the grammar: numbers out of range, lone surrogates, deep nesting. Some of its versions also skip a
// byte order mark.
void compare_with_dom(std::string_view json, const Result& result) {
  if (json.starts_with("\xEF\xBB\xBF")) return;
  static simdjson::dom::parser parser;
  switch (parser.parse(json.data(), json.size()).error()) {
    case simdjson::SUCCESS:
      return require(result.error != ProjectionError::not_json);
    case simdjson::TAPE_ERROR:
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
    case simdjson::UTF8_ERROR:
    case simdjson::EMPTY:
    case simdjson::UNESCAPED_CHARS:
    case simdjson::UNCLOSED_STRING:
      return require(result.error == ProjectionError::not_json || result.error == ProjectionError::too_deep);
    default:
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& rule = rules()[data[0] % rules().size()];
  const std::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto result = project_with(rule, json);
  compare_with_dom(json, result);
  if (!result.error) {
    require(result.out.size() <= json.size());
    require(project_with(rule, result.out) == result);
  } else {
    require(result.out.empty());
  }
  // White space around the document moves it across a window boundary and must not change the result; but if
  // the document is both too deep and malformed, either error may be found first.
  const std::size_t place = data[0] * json.size() / 255;
  const std::string moved = std::string(65'536 - place, ' ') + std::string(json) + std::string(40'000, '\n');
  const auto again = project_with(rule, moved);
  const auto is_either = [](const Result& of) {
    return of.error == ProjectionError::not_json || of.error == ProjectionError::too_deep;
  };
  require(again == result || (is_either(again) && is_either(result)));
  return 0;
}
