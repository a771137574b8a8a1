#include "policy/forwarded.hpp"

#include "../catch.hpp"
#include "support.hpp"

using namespace larder;

namespace {

const policy::Arrival trusted{"10.0.0.1", true, http::Scheme::http, 8080};
const policy::Arrival untrusted{"10.0.0.1", false, http::Scheme::http, 8080};

std::string sent(const std::string& lines, const policy::Arrival& arrival) {
  const test::Request request("GET /x", lines, test::default_settings, arrival);
  std::string out;
  policy::append_forwarded_fields(request.head.fields, arrival, "api.test", out);
  return out;
}

}  // namespace

TEST_CASE("a trusted peer's forwarding fields are kept, and its address is appended to X-Forwarded-For") {
  CHECK(sent("", trusted) ==
        "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: api.test\r\n");
  CHECK(
      sent(
          "X-Forwarded-For: 1.2.3.4\nX-Forwarded-For: 5.6.7.8\nX-Forwarded-Proto: https\nX-Forwarded-Host: a",
          trusted) == "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.1\r\n");
}

TEST_CASE("for an untrusted peer, all forwarding fields are written by larder") {
  const std::string all =
      "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: api.test\r\n"
      "X-Forwarded-Port: 8080\r\nX-Real-IP: 10.0.0.1\r\n";
  CHECK(sent("", untrusted) == all);
  CHECK(sent("X-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil\nX-Real-IP: 9.9.9.9",
             untrusted) == all);
}

TEST_CASE("fields that only a trusted peer may send are removed from the request") {
  for (const auto* name :
       {"X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-prefix", "Forwarded", "X-Forwarded-Scheme",
        "X-Forwarded-Ssl", "X-Forwarded-Server", "X-Client-IP", "True-Client-IP", "Front-End-Https",
        "X-Original-URL", "X-Rewrite-URL", "X-Real-IP", "X-Forwarded-Anything"}) {
    CAPTURE(name);
    const test::Request request("GET /x", std::string(name) + ": v\nAccept: a", test::default_settings,
                                untrusted);
    CHECK(request.head.fields.size() == 2);  // Host and Accept
    CHECK(request.facts.forwarded.empty());
  }
}

TEST_CASE("with underscores: pass, the spelling with underscores is removed too") {
  settings::Settings settings;
  settings.gate.underscores = true;
  const test::Request request("GET /x", "X_Forwarded_Host: evil", settings, untrusted);
  CHECK(request.head.fields.size() == 1);
  const test::Request credential("GET /x", "X_API_Key: a", settings, trusted);
  CHECK(credential.facts.credentials);
}
