// Options of the command line that override the file.
#include "support.hpp"

using namespace larder;
using namespace larder::settings;

namespace {

Loaded with(const std::string& text, const Overrides& overrides) {
  return apply(load(text, "f"), overrides);
}

std::vector<std::string> lines(const std::string& text, const Overrides& overrides) {
  return test::lines_of(with(text, overrides));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an option replaces only its value in the file") {
  const auto loaded =
      with("listen: [127.0.0.1:81, 127.0.0.1:82]\nupstream: {url: http://a, queue: 7}\nloops: 3\n",
           {{"127.0.0.1:0", "unix:/run/x"}, "http://b:84", "127.0.0.1:85"});
  REQUIRE(loaded.settings);
  const auto& settings = *loaded.settings;
  REQUIRE(settings.listen.size() == 2);
  CHECK(to_string(settings.listen[0].address) == "127.0.0.1:0");
  CHECK(settings.upstream.authority == "b:84");
  CHECK(settings.upstream.queue == 7);
  CHECK(to_string(*settings.admin) == "127.0.0.1:85");
  CHECK(settings.loops == 3);
}

TEST_CASE("without options the settings of the file are used") {
  const auto before = load("loops: 3\n", "f");
  CHECK(apply(before, {}).settings->loops == 3);
}

TEST_CASE("every invalid option is reported") {
  CHECK(lines("", {{"8081", "x y:1"}, "ftp://a", "0.0.0.0:9901"}) ==
        Lines{"--listen: '8081' has no host; write 127.0.0.1:8081",
              "--listen: 'x y' is neither a host name nor an address; write for example localhost, 127.0.0.1 "
              "or [::1]",
              "--upstream: 'ftp://a' is not an upstream; write http://host:port, "
              "https://host:port or unix:/path",
              "--admin: admin: 0.0.0.0:9901 can be reached from other hosts without authentication; write "
              "127.0.0.1:9901, [::1]:9901 or unix:/path, or set admin_token"});
  CHECK_FALSE(with("", {{"8081"}, {}, {}}).settings);
}

TEST_CASE("a conflict between an option and the file is reported at the option") {
  CHECK(lines("admin: 127.0.0.1:9901\n", {{"127.0.0.1:9901"}, {}, {}}) ==
        Lines{"--listen: admin: 127.0.0.1:9901 is also a client listener; give the admin listener a separate "
              "address"});
  CHECK(lines("", {{}, "http://localhost:8080", {}}) ==
        Lines{"--upstream: upstream: http://localhost:8080 is larder's own listener 127.0.0.1:8080, so "
              "requests would loop; write the API's address"});
  CHECK(lines("", {{"127.0.0.1:81", "localhost:81"}, {}, {}}) ==
        Lines{"--listen: listen: localhost:81 is the same address as 127.0.0.1:81; remove one"});
}

TEST_CASE("two addresses with port 0 do not conflict") {
  CHECK(with("", {{"127.0.0.1:0", "127.0.0.1:0"}, {}, "127.0.0.1:0"}).settings);
}

TEST_CASE("an invalid file stays invalid with options") {
  CHECK(lines("loops: x\n", {{"127.0.0.1:81"}, {}, {}}).size() == 1);
  CHECK_FALSE(with("loops: x\n", {{"127.0.0.1:81"}, {}, {}}).settings);
}
