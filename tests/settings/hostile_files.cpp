// Malicious and foreign files: each gives a message with a position, never a crash.
#include "support.hpp"

using namespace larder;
using settings::load;

namespace {

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("a YAML error is reported at its position") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"listen: [a\nupstream: b\n", "f:2:"},
      {"cache: {memory: 1MiB\n", "f:2:"},
      {"cache: memory: 1MiB\n", "f:1:"},
      {"loops: 1\n  cache: 2\n", "f:2:"},
      {"loops: @1\n", "f:1:8"},
      {"loops: *other\n", "f:1:8"},
      {"loops: \"\\q\"\n", "f:1:"},
      {"%YAML\n---\nloops: 1\n", "f:1:"},
  };
  for (const auto& [text, place] : cases) {
    INFO(text);
    const auto loaded = load(text, "f");
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].text().substr(0, place.size()) == place);
    CHECK(loaded.problems[0].message.substr(0, 10) == "not YAML: ");
    CHECK_FALSE(loaded.settings);
  }
}

TEST_CASE("a path with braces in brackets, and one without a slash, are reported with the cause") {
  const auto first_message = [](const std::string& text) { return load(text, "f").problems.at(0).message; };
  CHECK_THAT(first_message("routes:\n  - path: /a\n    ttl: 1s\n    invalidated_by: [/topics/{id}]\n"),
             Catch::Matchers::EndsWith("quote a path that has braces: [\"/topics/{id}\"]"));
  CHECK_THAT(first_message("routes:\n  - path: **\n    ttl: 1s\n"),
             Catch::Matchers::EndsWith("a path begins with '/': /**"));
}

TEST_CASE("nesting thousands of levels deep is refused") {
  for (const auto& text :
       {repeated("[", 20'000), repeated("{", 20'000), repeated("- ", 5'000), repeated("? ", 5'000),
        "listen: " + repeated("[", 5'000) + "1" + repeated("]", 5'000),
        repeated("a: {", 5'000) + repeated("}", 5'000)}) {
    const auto loaded = load(text, "f");
    CHECK_FALSE(loaded.settings);
    CHECK(loaded.problems.size() == 1);
  }
}

TEST_CASE("recursive and exponentially expanding aliases are errors") {
  CHECK_FALSE(load("listen: &a [*a, *a]\n", "f").settings);
  CHECK_FALSE(load("&a cache: &b {memory: *b}\n", "f").settings);
  CHECK_FALSE(load("routes: &r [*r]\n", "f").settings);
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto name = "a" + std::to_string(i);
    const auto alias = "*a" + std::to_string(i - 1);
    text.append(name).append(": &").append(name).append(" [").append(alias);
    text.append(repeated("," + alias, 9)).append("]\n");
  }
  CHECK_FALSE(load(text + "listen: *a11\n", "f").settings);
}

TEST_CASE("binary data is refused") {
  for (const auto& text : {std::string("\0\0\0\0", 4),
                           std::string("\x7f"
                                       "ELF\2\1\1\0",
                                       8),
                           std::string("\xff\xfe\x00\xd8", 4),
                           std::string("\xff\xfe"
                                       "a\0:\0",
                                       6),
                           std::string("loops: 1\0\n", 10)}) {
    CHECK_FALSE(load(text, "f").settings);
  }
}

TEST_CASE("a text from which yaml-cpp would make endless documents is refused") {
  for (const auto* text : {",", ", a: 1", "],", ",\n---\n,", "a: 1\n---\n,\n"}) {
    const auto loaded = load(text, "f");
    CHECK_FALSE(loaded.settings);
    CHECK(loaded.problems.size() == 1);
  }
}

TEST_CASE("more routes than the limit are refused") {
  std::string text = "routes:\n";
  for (int i = 0; i < 1000; ++i) text += "  - {path: /" + std::to_string(i) + ", ttl: 1s}\n";
  CHECK(load(text, "f").settings);
  text += "  - {path: /x, ttl: 1s}\n";
  CHECK(test::lines_of(load(text, "f")) ==
        std::vector<std::string>{
            "f:1:1: routes: 1001 exceed the maximum of 1000; use {id} and ** to match many paths"});
}

TEST_CASE("any part of a valid file, and a valid file with any byte changed, is loaded or refused") {
  const std::string text =
      "listen: [127.0.0.1:81, \"unix:/x\"]\nupstream: {url: http://a:1, queue: 2}\nroutes:\n"
      "  - path: /a/{b}\n    ttl: &t 3s\n    key: {query: [q], headers: x-a}\n  - {path: /**, ttl: *t}\n";
  REQUIRE(load(text, "f").settings);
  std::size_t read = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto whole = [&](const settings::Loaded& loaded) {
      CHECK((loaded.settings != nullptr || !loaded.problems.empty()));
      read += loaded.settings ? 1 : 0;
    };
    whole(load(text.substr(0, i), "f"));
    whole(load(text.substr(i), "f"));
    for (const char byte : {'\0', '\t', '\n', ' ', '*', '&', '"', '[', '{', ':', '-', '\xff'}) {
      auto changed = text;
      changed[i] = byte;
      whole(load(changed, "f"));
    }
  }
  CHECK(read > 0);
}
