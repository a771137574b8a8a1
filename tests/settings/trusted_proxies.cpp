#include "settings/trusted_proxies.hpp"

#include "../catch.hpp"

using namespace larder;

namespace {

bool has(const char* network, const char* peer) {
  std::string error;
  const auto parsed = settings::parse_network(network, error);
  REQUIRE(parsed);
  return settings::contains({*parsed}, peer);
}

}  // namespace

TEST_CASE("a network contains the addresses with its prefix") {
  CHECK(has("127.0.0.0/8", "127.0.0.1"));
  CHECK(has("127.0.0.0/8", "127.255.0.1"));
  CHECK_FALSE(has("127.0.0.0/8", "128.0.0.1"));
  CHECK(has("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(has("10.1.2.3", "10.1.2.4"));
  CHECK(has("10.1.0.0/17", "10.1.127.255"));
  CHECK_FALSE(has("10.1.0.0/17", "10.1.128.0"));
  CHECK(has("::1", "::1"));
  CHECK(has("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK_FALSE(has("2001:db8::/32", "2001:db9::1"));
  CHECK(has("10.0.0.0/8", "::ffff:10.0.0.1"));
  CHECK(has("0.0.0.0/0", "8.8.8.8"));
  CHECK_FALSE(has("0.0.0.0/0", "::1"));
  CHECK(has("fe80::/10", "fe80::1%eth0"));
}

TEST_CASE("a peer on a Unix socket has no address") {
  CHECK(has("unix", ""));
  CHECK_FALSE(has("unix", "127.0.0.1"));
  CHECK_FALSE(has("127.0.0.0/8", ""));
  CHECK_FALSE(settings::contains({}, ""));
  CHECK_FALSE(settings::contains({}, "127.0.0.1"));
}

TEST_CASE("an invalid network is reported with the remedy") {
  for (const auto* text : {"", "localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0", "::1/129",
                           "10.0.0.1/8", "10.0.0.0/8x", "1.2.3.4:80", "[::1]"}) {
    CAPTURE(text);
    std::string error;
    CHECK_FALSE(settings::parse_network(text, error));
    CHECK_FALSE(error.empty());
  }
}
