#include "policy/precondition.hpp"

#include "../catch.hpp"
#include "policy/key.hpp"
#include "policy/outcome.hpp"
#include "support.hpp"

using namespace larder;

namespace {

policy::StoredMeta stored_200() {
  policy::StoredMeta meta;
  meta.entity_tag = "\"v1\"";
  meta.last_modified =
      std::chrono::sys_seconds{std::chrono::seconds{784111777}};  // Sun, 06 Nov 1994 08:49:37 GMT
  return meta;
}

struct Row {
  const char* section;
  const char* request;
  bool not_modified;
};

const Row rows[] = {
    {"no condition", "", false},
    {"RFC 9110 13.1.2: the tag", "If-None-Match: \"v1\"", true},
    {"13.1.2: another", "If-None-Match: \"v2\"", false},
    {"13.1.2: in a list", "If-None-Match: \"v2\", \"v1\"", true},
    {"13.1.2: over two lines", "If-None-Match: \"v2\"\nIf-None-Match: \"v1\"", true},
    {"13.1.2: weakly", "If-None-Match: W/\"v1\"", true},
    {"13.1.2: any", "If-None-Match: *", true},
    {"8.8.3: without quotes it is no tag", "If-None-Match: v1", false},
    {"13.1.3: since then", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", true},
    {"13.1.3: later", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT", true},
    {"13.1.3: earlier", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", false},
    {"13.1.3: no date", "If-Modified-Since: yesterday", false},
    {"13.1.3: several lines",
     "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT",
     false},
    {"13.1.3: a list of dates",
     "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT, Sun, 06 Nov 1994 08:49:38 GMT", false},
    {"13.2.2: the tag decides alone",
     "If-None-Match: \"v2\"\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT", false},
};

std::string updated(const std::string& stored, const std::string& fresh) {
  const test::Lines before(stored);
  const test::Lines update(fresh);
  std::string text;
  for (const auto& line : policy::updated_fields(before, update)) {
    text.append(line.name).append("=").append(line.value).append(" ");
  }
  return text;
}

}  // namespace

TEST_CASE("a client's conditions are evaluated against the stored response (RFC 9110 13)") {
  for (const auto& row : rows) {
    INFO(row.section);
    const test::Request request("GET /x", row.request);
    CHECK(policy::is_not_modified(request.facts, stored_200(), stored_200().entity_tag, test::at().wall) ==
          row.not_modified);
  }
}

TEST_CASE("conditions apply only to a stored 200 (RFC 9110 13.2.1)") {
  auto meta = stored_200();
  meta.status = 404;
  const test::Request request("GET /x", "If-None-Match: *");
  CHECK_FALSE(policy::is_not_modified(request.facts, meta, meta.entity_tag, test::at().wall));
}

TEST_CASE("without Last-Modified, Date is compared (RFC 9111 4.3.2)") {
  auto meta = stored_200();
  meta.date = meta.last_modified;
  meta.last_modified.reset();
  const test::Request request("GET /x", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(policy::is_not_modified(request.facts, meta, meta.entity_tag, test::at().wall));
}

TEST_CASE("a 304 updates the stored fields, except those that describe the stored bytes (RFC 9111 3.2)") {
  CHECK(updated("A: 1\nB: 2", "B: 3") == "A=1 B=3 ");
  CHECK(updated("A: 1\nB: 2\nC: 3", "b: 4\nB: 5") == "A=1 b=4 B=5 C=3 ");
  CHECK(updated("A: 1", "D: 9") == "A=1 D=9 ");
  CHECK(updated("Content-Type: text/plain\nContent-Length: 5",
                "Content-Type: text/html\nContent-Length: 0") == "Content-Type=text/html Content-Length=5 ");
  CHECK(updated("Content-Encoding: gzip", "Content-Encoding: br") == "Content-Encoding=gzip ");
  CHECK(updated("Content-Range: x", "Content-Range: y") == "Content-Range=x ");
  CHECK(updated("A: 1", "Connection: close, X\nX: 1\nKeep-Alive: 5\nAge: 3") == "A=1 ");
  CHECK(updated("Digest: x", "Digest: y") == "Digest=x ");
  CHECK(updated("Repr-Digest: x", "Repr-Digest: y\nContent-Digest: z\nContent-MD5: z") == "Repr-Digest=x ");
}

TEST_CASE("an outcome is written as a member of Cache-Status (RFC 9211)") {
  const auto text = [](const policy::Outcome& outcome) {
    std::string out;
    policy::append_cache_status(outcome, {}, out);
    return out;
  };
  policy::Outcome hit;
  hit.hit = true;
  hit.ttl = 27;
  CHECK(text(hit) == "larder; hit; ttl=27");
  std::string with_key;
  policy::append_cache_status(hit, policy::KeyView("http://a/b?c=\"d\\e\"\nshape").url(), with_key);
  CHECK(with_key == R"(larder; hit; ttl=27; key="http://a/b?c=\"d\\e\"")");
  policy::Outcome stored;
  stored.forward = policy::Forward::uri_miss;
  stored.stored = true;
  CHECK(text(stored) == "larder; fwd=uri-miss; stored");
  policy::Outcome renewed;
  renewed.forward = policy::Forward::stale;
  renewed.forward_status = 304;
  renewed.stored = true;
  CHECK(text(renewed) == "larder; fwd=stale; fwd-status=304; stored");
  CHECK(policy::label_of(renewed) == policy::OutcomeLabel::revalidated);
  policy::Outcome shared;
  shared.forward = policy::Forward::uri_miss;
  shared.collapsed = true;
  CHECK(text(shared) == "larder; fwd=uri-miss; collapsed");
  policy::Outcome refused;
  refused.forward = policy::Forward::bypass;
  refused.detail = policy::Detail::route_off;
  CHECK(text(refused) == "larder; fwd=bypass; detail=route-off");
  for (std::size_t i = 1; i < policy::detail_count; ++i)
    CHECK_FALSE(policy::name_of(static_cast<policy::Detail>(i)).empty());
}
