#include "policy/outcome.hpp"

#include <catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace larder::policy;

TEST_CASE("each value of an outcome has a word of its own and a meaning") {
  const auto each = [](auto last, std::size_t count) {
    using Value = decltype(last);
    std::set<std::string_view> words;
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = static_cast<Value>(i);
      CAPTURE(i, name_of(value));
      CHECK(words.insert(name_of(value)).second);
      CHECK(meaning_of(value).empty() == (name_of(value).empty() && i == 0 && std::is_same_v<Value, Detail>));
    }
  };
  each(Detail{}, detail_count);
  each(OutcomeLabel{}, label_count);
  each(Forward{}, static_cast<std::size_t>(Forward::partial) + 1);
}

TEST_CASE("each detail has a remedy, and can be found by its word") {
  for (std::size_t i = 1; i < detail_count; ++i) {
    const auto detail = static_cast<Detail>(i);
    CAPTURE(name_of(detail));
    CHECK_FALSE(remedy_of(detail).empty());
    CHECK(detail_called(name_of(detail)) == detail);
  }
  CHECK_FALSE(detail_called("nonsense"));
}

TEST_CASE("config/cache-status.md agrees with the table (LARDER_WRITE_REFERENCE=1 writes it)") {
  const auto path = std::string(LARDER_SOURCE_DIR) + "/config/cache-status.md";
  if (std::getenv("LARDER_WRITE_REFERENCE") != nullptr)
    std::ofstream(path, std::ios::binary) << cache_status_markdown();
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  CHECK(content.str() == cache_status_markdown());
}

TEST_CASE("Cache-Status names what happened, in the order of RFC 9211") {
  Outcome outcome;
  outcome.forward = Forward::stale;
  outcome.forward_status = 304;
  outcome.stored = true;
  outcome.collapsed = true;
  outcome.ttl = -3;
  outcome.detail = Detail::superseded;
  std::string text;
  append_cache_status(outcome, "http://h/p?a=\"b\"", text);
  CHECK(text ==
        "larder; fwd=stale; fwd-status=304; ttl=-3; stored; collapsed; key=\"http://h/p?a=\\\"b\\\"\"; "
        "detail=superseded");
}
