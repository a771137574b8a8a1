#include "tiers/record.hpp"

#include "../catch.hpp"

using namespace larder;
using namespace std::chrono_literals;
using policy::Millis;

namespace {

policy::Now at(Millis after) {
  return {policy::WallTime{1'000'000s} + after, policy::MonoTime{5h} + after};
}

store::Response full() {
  store::Response response;
  response.status = 404;
  response.response_time = at(0s).mono;
  response.initial_age = 1500ms;
  response.fresh_until = at(30s).mono;
  response.lifetime = {30s, policy::Lifetime::Source::route_ttl};
  response.date = std::chrono::sys_seconds{999'999s};
  response.upstream_age = true;
  response.must_revalidate = true;
  response.stale_if_error = 1h;
  response.entity_tag = "\"a\"";
  response.upstream_entity_tag = "W/\"b\"";
  response.upstream_last_modified = "yesterday";
  response.secondary.push_back(policy::VaryField::named("accept-language", {}));
  response.secondary.back().value = "de";
  response.secondary.push_back(policy::VaryField::named("origin", {}));
  response.groups = {"one", "two"};
  response.sequence = 42;
  store::HeadBuilder head(404, "Not Found", true);
  head.add({http::FieldId::unknown, "A", "b"}, false, false);
  head.add({http::FieldId::via, "Via", "1.1 larder"}, true, true);
  head.finish(response.head, response.head_304, response.head_lines);
  response.own_cache_control = true;
  response.replaced_cache_control = "max-age=1";
  response.original_size = 4096;
  response.is_json = true;
  response.compressible = true;
  response.config_fingerprint = 77;
  response.body = std::make_shared<const std::string>("body");
  return response;
}

}  // namespace

TEST_CASE("a record restores all members, and the correct age") {
  const auto stored = full();
  const auto bytes = tiers::encode(stored, at(2s));
  const auto back = tiers::decode(bytes, stored.body, at(10s));
  REQUIRE(back);
  CHECK(back->status == 404);
  CHECK(back->age(at(10s).mono) == 11'500ms);
  CHECK(back->is_fresh(at(29'999ms).mono));
  CHECK_FALSE(back->is_fresh(at(30s).mono));
  CHECK(back->lifetime.value == 30s);
  CHECK(back->lifetime.source == policy::Lifetime::Source::route_ttl);
  CHECK(back->date == stored.date);
  CHECK_FALSE(back->last_modified);
  CHECK(back->upstream_age);
  CHECK_FALSE(back->must_validate);
  CHECK(back->must_revalidate);
  CHECK_FALSE(back->stale_while_revalidate);
  CHECK(back->stale_if_error == Millis{1h});
  CHECK(back->entity_tag == stored.entity_tag);
  CHECK(back->upstream_entity_tag == stored.upstream_entity_tag);
  CHECK(back->upstream_last_modified == stored.upstream_last_modified);
  REQUIRE(back->secondary.size() == 2);
  CHECK(back->secondary[0].id == http::FieldId::accept_language);
  CHECK(back->secondary[0].value == "de");
  CHECK_FALSE(back->secondary[1].value);
  CHECK(back->groups == stored.groups);
  CHECK(back->sequence == 42);
  CHECK(back->head == stored.head);
  CHECK(back->head_304 == stored.head_304);
  CHECK(back->head_view().status() == 404);
  CHECK(back->head_view().reason() == "Not Found");
  std::vector<store::HeadView::Line> lines;
  for (const auto& line : back->head_view()) lines.push_back(line);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].field.value == "b");
  CHECK_FALSE(lines[0].is_own);
  CHECK_FALSE(lines[0].in_304);
  CHECK(lines[1].field.id == http::FieldId::via);
  CHECK(lines[1].is_own);
  CHECK(lines[1].in_304);
  CHECK(back->own_cache_control);
  CHECK(back->replaced_cache_control == "max-age=1");
  CHECK(back->original_size == 4096);
  CHECK(back->is_json);
  CHECK(back->compressible);
  CHECK(back->config_fingerprint == 77);
  CHECK(*back->body == "body");
  CHECK(tiers::encode(*back, at(10s)) == bytes);
  CHECK(tiers::variant_name(*back) == tiers::variant_name(stored));
}

TEST_CASE("the monotonic clock differs after a restart of the machine") {
  const auto bytes = tiers::encode(full(), at(0s));
  const policy::Now later{at(20s).wall, policy::MonoTime{3s}};
  const auto back = tiers::decode(bytes, full().body, later);
  REQUIRE(back);
  CHECK(back->age(later.mono) == 21'500ms);
  CHECK(back->fresh_until - later.mono == 10s);
}

TEST_CASE("a response from the future is stale") {
  const auto bytes = tiers::encode(full(), at(0s));
  const auto back = tiers::decode(bytes, full().body, at(-1h));
  REQUIRE(back);
  CHECK_FALSE(back->is_fresh(at(-1h).mono));
  CHECK(back->age(at(-1h).mono) == 1500ms);
}

TEST_CASE("truncated, extended or corrupt bytes are not a record") {
  const auto bytes = tiers::encode(full(), at(0s));
  const auto body = full().body;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(tiers::decode(bytes.substr(0, size), body, at(0s)));
  CHECK_FALSE(tiers::decode(bytes + "x", body, at(0s)));
  CHECK_FALSE(tiers::decode(std::string(bytes.size(), '\xFF'), body, at(0s)));
  auto far = bytes;  // received 290 million years ago: sums of such times would overflow
  far[15] = static_cast<char>(far[15] ^ 0x80);
  CHECK_FALSE(tiers::decode(far, body, at(0s)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0xFF);
    (void)tiers::decode(changed, body,
                        at(0s));  // the result is not checked, only that it does not read out of bounds
  }
}

TEST_CASE("a record whose lines do not fit its head is refused") {
  auto stored = full();
  SECTION("the head is longer") {
    stored.head += "B: c\r\n";
  }
  SECTION("the head is shorter") {
    stored.head.resize(stored.head.size() - 1);
  }
  SECTION("a line is beyond the head") {
    stored.head_lines.add({0xFFFF'FFFF, 0xFFFF'FFFF, http::FieldId::unknown, false, false});
  }
  SECTION("the reason is beyond the head") {
    stored.head_lines = store::HeadLines(404, 1u << 20);
  }
  CHECK(tiers::decode(tiers::encode(stored, at(2s)), stored.body, at(10s)) == nullptr);
}
