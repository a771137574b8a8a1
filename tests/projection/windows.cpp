// Documents that are read in several windows: the result must not depend on where windows end.
#include "support.hpp"

using namespace larder;
using projection::ProjectionError;
using test::project;

namespace {

constexpr std::size_t large = 300'000;  // several windows

const test::Fields fields{"id", "on.way"};

// Items in which the end of a window is hard to find, each in another way. The first two digits of `i` vary
// their length.
std::string item(std::string_view kind, std::size_t i) {
  const auto id = std::to_string(i);
  const auto some = std::string(i % 97, 'x');
  if (kind == "plain") return "{\"id\":" + id + ",\"x\":\"" + some + "\"}";
  if (kind == "spaced")
    return " { \"id\" :\n" + id + " ,\t\"x\" : [ 1 , 2 ] " + std::string(i % 13, ' ') + "} ";
  if (kind == "bait") return "{\"x\":\"" + some + "},{\\\"],[\\\",0,\",\"id\":\"\\\\" + id + "},\"}";
  if (kind == "nested")
    return "{\"x\":[[{\"y\":[" + id + "]}]],\"on\":[{\"way\":{\"z\":[]}," + "\"z\":0},[],1]}";
  if (kind == "scalars") return "{\"id\":[\"" + some + "\",true,null,1e999,-0.5]}";
  return "{}";
}
const std::vector<std::string> kinds{"plain", "spaced", "bait", "nested", "scalars", "empty"};

struct Document {
  std::string json, projected;
};

// A list, and its projection composed of those of its items.
Document list(std::string_view kind, std::size_t size) {
  Document result{"[", "["};
  const auto rule = test::rule(fields);
  projection::Workspace workspace;
  for (std::size_t i = 0; result.json.size() < size; ++i) {
    const auto json = item(kind, i);
    if (i != 0) {
      result.json += ',';
      result.projected += ',';
    }
    result.json += json;
    result.projected += project(json, rule, {}, &workspace).out;
  }
  result.json += ']';
  result.projected += ']';
  return result;
}

}  // namespace

TEST_CASE("a long list is projected item by item") {
  const auto rule = test::rule(fields);
  projection::Workspace workspace;
  for (const auto& kind : kinds) {
    for (const std::size_t size : {60'000u, 70'000u, 90'000u, 130'000u, 300'000u, 1'200'000u}) {
      INFO(kind << " " << size);
      const auto document = list(kind, size);
      CHECK(project(document.json, rule, {}, &workspace).out == document.projected);
    }
  }
}

TEST_CASE("a window may end anywhere in an item") {
  const auto rule = test::rule(fields);
  for (const auto& kind : kinds) {
    const auto document = list(kind, 100'000);
    std::string json = document.json;
    for (std::size_t shift = 0; shift < 120; ++shift, json.insert(0, 1, ' ')) {
      INFO(kind << " " << shift);
      CHECK(project(json, rule).out == document.projected);
    }
  }
}

TEST_CASE("a single token may be longer than any window") {
  const auto rule = test::rule({"id"});
  const auto text = "\"" + std::string(large, 'x') + "\"";
  std::string bait = "\"";
  while (bait.size() < large) bait += "},{]\\\",1,\\\\";
  bait += '"';
  std::string commas = "\"" + std::string(large, ',') + "\"";
  for (const auto& value : {text, bait, commas, std::string(large, '9'), "0." + std::string(large, '0'),
                            "[" + std::string(large, ' ') + "]"}) {
    for (const auto& other : {std::string("1"), value}) {
      CHECK(project("[{\"id\":" + value + ",\"x\":" + other + "}]", rule).out == "[{\"id\":" + value + "}]");
      CHECK(project("[{\"x\":" + value + ",\"id\":" + other + "}]", rule).out == "[{\"id\":" + other + "}]");
      CHECK(project("{\"d\":[{\"id\":" + value + "}],\"x\":" + other + "}", test::rule({"id"}, "d")).out ==
            "{\"d\":[{\"id\":" + value + "}],\"x\":" + other + "}");
    }
  }
  for (const auto& key : {text, bait, commas}) {
    CHECK(project("[{" + key + ":1,\"id\":2}]", rule).out == "[{\"id\":2}]");
    CHECK(project("{" + key + ":1,\"d\":[]}", test::rule({"id"}, "d")).out == "{" + key + ":1,\"d\":[]}");
    CHECK(project(key, rule).error == ProjectionError::wrong_shape);
    CHECK(project(key + ",1", rule).error == ProjectionError::not_json);
  }
  const std::string space(large, '\n');
  CHECK(project(space + "[" + space + "{" + space + "\"id\"" + space + ":" + space + "1" + space + "}" +
                    space + "]" + space,
                rule)
            .out == R"([{"id":1}])");
  CHECK(project(space, rule).error == ProjectionError::not_json);
  CHECK(project(space + "1" + space, rule).error == ProjectionError::wrong_shape);
  CHECK(project(space + "1" + space + "1", rule).error == ProjectionError::not_json);
}

TEST_CASE("a value that is kept or dropped as a whole may span several windows") {
  const auto document = list("plain", large);
  const auto deep = std::string(50, '[') + document.json + std::string(50, ']');
  const auto rule = test::rule({"id"});
  CHECK(project("[{\"id\":" + deep + "}]", rule).out == "[{\"id\":" + deep + "}]");
  CHECK(project("[{\"x\":" + deep + ",\"id\":1}]", rule).out == "[{\"id\":1}]");
  CHECK(project("{\"d\":{},\"x\":" + deep + "}", test::rule({"id"}, "d")).out ==
        "{\"d\":{},\"x\":" + deep + "}");
  // One deeply nested value that is closed several windows later.
  CHECK(project("[{\"id\":" + deep + "}]", rule, {55, large * 2}).out.size() == deep.size() + 9);
  CHECK(project("[{\"id\":" + deep + "}]", rule, {53, large * 2}).error == ProjectionError::too_deep);
}

TEST_CASE("an error is found in every window") {
  const auto rule = test::rule(fields);
  for (const auto& kind : kinds) {
    const auto json = list(kind, large).json;
    for (std::size_t at = 1; at < json.size(); at += 40'009) {
      // After the opening brace of an item, and inside its text.
      for (const std::string_view place : {"{\"", "\"x\":\""}) {
        const auto found = json.find(place, at);
        if (found == std::string::npos) continue;
        const bool inside = place.size() > 2;
        for (const std::string_view fault :
             {"\x01", "\xff", "\xc3", "\\x", "\\u12", "\n\"", "\"}", "}", ",,", "1 1"}) {
          if (inside && fault.size() > 1 && fault.front() != '\\' && fault.front() != '\n') continue;
          if (inside && fault == "}") continue;
          auto broken = json;
          broken.insert(found + (inside ? place.size() : 1), fault);
          INFO(kind << " " << found << " " << fault);
          CHECK(project(broken, rule).error == ProjectionError::not_json);
        }
      }
    }
  }
}

TEST_CASE("a document that is truncated after any window is refused") {
  const auto rule = test::rule(fields);
  for (const auto& kind : kinds) {
    const auto json = list(kind, 140'000).json;
    for (std::size_t size = 40'000; size < json.size(); size += 1'009) {
      CHECK(project(std::string_view(json).substr(0, size), rule).error == ProjectionError::not_json);
    }
  }
}

TEST_CASE("names with escapes are recognised in every window") {
  std::string json = "[", wanted = "[";
  while (json.size() < large) json += "{\"id\":1},", wanted += "{\"id\":1},";
  json += "{\"\\u0069d\":1,\"\\u0069e\":2}]";
  wanted += "{\"\\u0069d\":1}]";
  CHECK(project(json, test::rule({"id"})).out == wanted);
}

TEST_CASE("the rule applies to the last item of a long list as to the first") {
  auto json = list("plain", large).json;
  json.back() = ',';
  CHECK(project(json + "1]", test::rule(fields)).error == ProjectionError::wrong_shape);
  CHECK(project(json + "[]]", test::rule(fields)).error == ProjectionError::wrong_shape);
  CHECK(project("{\"d\":null,\"x\":" + json + "1]}", test::rule(fields, "d")).error ==
        ProjectionError::wrong_shape);
  CHECK(project("{\"d\":null,\"x\":" + json + "]}", test::rule(fields, "d")).error ==
        ProjectionError::not_json);
}
