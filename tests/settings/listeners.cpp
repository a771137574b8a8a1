#include "support.hpp"

using namespace larder;
using namespace larder::settings;
using namespace std::chrono_literals;
using test::good;

namespace {

std::string error_of(const std::string& listener) {
  const auto loaded = load("listen:\n  - " + listener + "\n", "f");
  for (const auto& problem : loaded.problems)
    if (problem.severity == Problem::Severity::error) return problem.message;
  return {};
}

}  // namespace

TEST_CASE("a list of listeners may mix addresses and mappings") {
  const auto settings = good(R"(
listen:
  - 127.0.0.1:8080
  - address: 0.0.0.0:8443
    tls:
      certificate: /c.pem
      key: /c.key
      ocsp: /c.der
      certificates: [{certificate: /d.pem, key: /d.key}]
      client_ca: /ca.pem
      client_auth: request
      client_field: X-Client-Subject
      min_version: "1.3"
      ktls: true
    hsts: 8760h
  - {address: 0.0.0.0:8081, redirect: https}
trusted_proxies: []
)");
  REQUIRE(settings.listen.size() == 3);
  CHECK_FALSE(settings.listen[0].tls.is_on());
  const auto& second = settings.listen[1];
  CHECK(to_string(second.address) == "0.0.0.0:8443");
  const auto all = second.tls.all();
  REQUIRE(all.size() == 2);
  CHECK((all[0].certificate == "/c.pem" && all[0].key == "/c.key" && all[0].ocsp == "/c.der"));
  CHECK((all[1].certificate == "/d.pem" && all[1].key == "/d.key" && all[1].ocsp.empty()));
  CHECK(second.tls.client_ca == "/ca.pem");
  CHECK_FALSE(second.tls.requires_client);
  CHECK(second.tls.client_field == "x-client-subject");
  CHECK(settings.client_fields == std::vector<std::string>{"x-client-subject"});
  CHECK_FALSE(second.tls.allows_tls_1_2);
  CHECK(second.tls.ktls);
  CHECK(second.hsts == 8760h);
  CHECK(settings.listen[2].redirects_to_https);
}

TEST_CASE("the effective settings have the listeners as they were written") {
  const auto* text =
      "listen: [127.0.0.1:8080, {address: 127.0.0.1:8443, tls: {certificate: /c.pem, key: /c.key, "
      "certificates: "
      "[{certificate: /d.pem, key: /d.key}]}, hsts: 1h}, {address: 127.0.0.1:8081, redirect: https}]\n";
  const auto shown = effective_yaml(good(text));
  CHECK(shown.substr(0, shown.find('\n') + 1) == text);
  CHECK(effective_yaml(good(shown)) == shown);
}

TEST_CASE("what is wrong with a listener is said, with the remedy") {
  CHECK(error_of("{tls: {certificate: /c, key: /k}}") ==
        "a listener requires an address; write address: 127.0.0.1:8080");
  CHECK(error_of("{address: ':1', tls: {certificate: /c}}") == "tls.certificate requires tls.key");
  CHECK(error_of("{address: ':1', tls: {key: /c}}") == "tls.key requires tls.certificate");
  CHECK(error_of("{address: ':1', tls: {client_ca: /c}}") == "tls requires tls.certificate and tls.key");
  CHECK(error_of("{address: ':1', tls: {certificate: /c, key: /k, client_field: x-a}}") ==
        "tls.client_auth and tls.client_field require tls.client_ca");
  CHECK(error_of("{address: ':1', tls: {certificates: [{certificate: /c}]}}") ==
        "an element of certificates requires certificate and key");
  CHECK(error_of("{address: ':1', tls: {certificates: [/c]}}") ==
        "an element of certificates must be a mapping; write - {certificate: FILE, key: FILE}");
  CHECK(error_of("{address: ':1', tls: {certificates: []}}") ==
        "tls.certificates is an empty list; remove the key instead");
  CHECK(error_of("{address: ':1', hsts: 1h}") ==
        "hsts: is for listeners with tls; browsers ignore it otherwise (RFC 6797)");
  CHECK(error_of("{address: ':1', redirect: https, tls: {certificate: /c, key: /k}}") ==
        "redirect: https is for listeners without tls; it would redirect to itself");
  CHECK(error_of("{address: ':1', redirect: http}").find("is none of https, off") != std::string::npos);
  CHECK(error_of("{addres: ':1'}").find("did you mean 'address'?") != std::string::npos);
  CHECK(error_of("{address: ':1', tls: {certifcate: /c}}").find("did you mean 'certificate'?") !=
        std::string::npos);
  CHECK(error_of("{address: ':1', tls: /c}").find("tls must be a mapping") != std::string::npos);
  CHECK(error_of("{address: ':1', tls: {certificate: /c, key: /k, min_version: '1.1'}}")
            .find("is none of 1.2, 1.3") != std::string::npos);
  CHECK(error_of("[':1']").find("must be a single value or a mapping") != std::string::npos);
}
